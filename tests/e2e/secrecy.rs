//! What must never be seen: secrets and addresses in telemetry, in messages, or in clear in the
//! vault.

use serde_json::json;
use url::Url;
use workapi_bus::Stream;
use workapi_sandbox::ClientChange;
use workapi_telemetry::testing::record;
use workapi_testkit::eventually;
use workapi_tests::{Stack, UserSession};

const ANN: &str = "ann@example.test";

/// What the flow has used, and what every code and token of the sandbox begins with.
struct Canaries {
    words: Vec<String>,
    challenges: Vec<String>,
}

impl Canaries {
    fn new(user: &UserSession, client_secret: &str) -> Self {
        let words = [
            "sandbox_code_",
            "sandbox_access_",
            "sandbox_refresh_",
            // JWTs, which begin with `{"alg":` or `{"typ":`: user tokens, APTs, ID tokens.
            "eyJhbGciOi",
            "eyJ0eXAiOi",
            "example.test",
            client_secret,
            &user.token,
        ];
        Self {
            words: words.map(str::to_owned).to_vec(),
            challenges: Vec::new(),
        }
    }

    /// Adds the state of an authorization, and the challenge by which its verifier is known.
    fn add(&mut self, authorization_uri: &str) {
        let uri = Url::parse(authorization_uri).unwrap();
        for (name, value) in uri.query_pairs() {
            match name.as_ref() {
                "state" => self.words.push(value.into_owned()),
                "code_challenge" => self.challenges.push(value.into_owned()),
                _ => {}
            }
        }
    }

    /// Looks for each of them in a text, as it is and in hexadecimal, and returns the first with
    /// what stands around it.
    fn find_in(&self, text: &str) -> Option<String> {
        let is_theirs = |verifier: &&str| self.challenges.contains(&challenge(verifier));
        let verifier = possible_verifiers(text).find(is_theirs);
        let word = self.words.iter().find_map(|word| {
            let as_it_is = text.find(word);
            as_it_is.or_else(|| text.find(&hex::encode(word)))
        });
        let verifier = verifier.and_then(|verifier| text.find(verifier));
        word.or(verifier).map(|at| excerpt(text, at))
    }

    fn assert_none_in(&self, place: &str, text: &str) {
        assert_eq!(self.find_in(text), None, "in {place}");
    }
}

fn excerpt(text: &str, at: usize) -> String {
    let start = text.floor_char_boundary(at.saturating_sub(200));
    let end = text.ceil_char_boundary(at + 200);
    text[start..end].to_owned()
}

/// Returns every word of a text that is as long as a verifier (RFC 7636 section 4.1).
fn possible_verifiers(text: &str) -> impl Iterator<Item = &str> {
    let belongs = |letter: char| letter.is_ascii_alphanumeric() || "-._~".contains(letter);
    text.split(move |letter| !belongs(letter))
        .filter(|word| (43..=128).contains(&word.len()))
}

/// Returns the S256 challenge of a verifier (RFC 7636 section 4.2).
fn challenge(verifier: &str) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// Goes the whole way of an integration: connected, refreshed, failed, reconnected, deleted.
async fn whole_life(stack: &Stack, user: &UserSession, canaries: &mut Canaries) {
    let id = user.create_integration("sandbox", "email").await;
    for _ in 0..2 {
        let uri = user.authorization_uri(&id).await;
        canaries.add(&uri);
        let landing = user.browser().approve(&uri, ANN).await;
        assert_eq!(landing.outcome(), "success");
        stack.make_due(&id).await;
        stack.at_rest(2).await;
        let refused = json!({
            "endpoint": "token", "kind": "status", "status": 400, "error": "invalid_grant",
        });
        stack.inject_fault(&refused).await;
        stack.make_due(&id).await;
        stack.credential_in(&id, "needs_reconnect").await;
    }
    let by_device = user.create_integration("sandbox", "file").await;
    let code = stack.mobile_code(ANN).await;
    assert_eq!(user.post_code(&by_device, &code).await.status, 200);
    assert_eq!(user.post_code(&by_device, &code).await.status, 400);
    let other = stack.mobile_code("bo@example.test").await;
    assert_eq!(user.post_code(&by_device, &other).await.status, 400);
    user.delete(&by_device).await;
    stack
        .event("evt.auth.credential.revoked.v1", &by_device)
        .await;
}

/// Waits until the vault has told all that it has to tell.
async fn everything_told(stack: &Stack) {
    let query = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM account_projection)";
    eventually("everything to be told", || async {
        let queued: i64 = sqlx::query_scalar(query)
            .fetch_one(stack.vault_database())
            .await
            .unwrap();
        (queued == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn no_secret_and_no_address_is_logged_traced_published_or_stored_in_clear() {
    let recorder = record();
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let client_secret = stack.register_client(ClientChange::default()).await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    let mut canaries = Canaries::new(&user, &client_secret);

    whole_life(&stack, &user, &mut canaries).await;

    everything_told(&stack).await;
    let written = stack.written().await;
    let vault = written
        .tables()
        .filter(|(table, _)| table.starts_with("vault."));
    for (table, rows) in vault {
        canaries.assert_none_in(table, &rows.join("\n"));
    }
    for stream in [
        Stream::Events,
        Stream::Jobs,
        Stream::VaultJournal,
        Stream::DeadLetters,
    ] {
        for message in stack.messages(stream).await {
            let payload = String::from_utf8_lossy(&message.payload).into_owned();
            let headers = format!("{:?}", message.headers);
            canaries.assert_none_in(&message.subject, &(headers + &payload));
        }
    }
    let logs = recorder.logs();
    assert!(logs.contains("an authorization ended"));
    canaries.assert_none_in("the logs", &logs);
    canaries.assert_none_in("the spans", &format!("{:?}", recorder.all_spans()));
    canaries.assert_none_in("the metrics", &stack.metrics().render());
}

#[test]
fn the_search_finds_what_it_is_for() {
    // RFC 7636 appendix B.
    let canaries = Canaries {
        words: vec!["sandbox_code_".to_owned()],
        challenges: vec!["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()],
    };

    for text in [
        "code=sandbox_code_1",
        r"\x73616e64626f785f636f64655f31",
        r#"{"code_verifier":"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}"#,
    ] {
        assert!(canaries.find_in(text).is_some(), "{text}");
    }
    assert_eq!(canaries.find_in("a code was exchanged"), None);
}
