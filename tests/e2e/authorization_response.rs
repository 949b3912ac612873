//! What comes back from the provider through the browser: whose answer it is, and how often.

use url::Url;
use workapi_tests::{Options, Stack};

const ANN: &str = "ann@example.test";

/// Replaces or removes the issuer in an authorization response.
fn with_issuer(callback: &str, issuer: Option<&str>) -> String {
    let mut url = Url::parse(callback).unwrap();
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != "iss")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let issuer = issuer.map(|issuer| ("iss", issuer));
    url.query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .extend_pairs(issuer);
    url.into()
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_refused_and_its_code_goes_nowhere() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let callback = user.consent(&id, ANN).await;

    let mixed_up = with_issuer(&callback, Some("https://attacker.example"));
    let landing = user.browser().open(&mixed_up).await;

    assert_eq!(landing.outcome(), "issuer_mismatch");
    let again = user.browser().open(&callback).await;
    assert_eq!(again.status, 400, "the state is used up");
    assert_eq!(stack.count("exchanges").await, 0);
    assert_eq!(stack.credential(&id).await, None);
}

#[tokio::test]
async fn an_answer_without_an_issuer_is_taken_unless_the_manifest_wants_one() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let callback = user.consent(&id, ANN).await;

    let landing = user.browser().open(&with_issuer(&callback, None)).await;

    assert_eq!(landing.outcome(), "success");
}

#[tokio::test]
async fn an_answer_without_an_issuer_is_refused_where_the_manifest_wants_one() {
    let manifest = "[authorization]\niss_required = true\n".to_owned();
    let options = Options {
        manifests: vec![("sandbox", manifest)],
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;

    let anonymous = with_issuer(&user.consent(&id, ANN).await, None);
    let anonymous = user.browser().open(&anonymous).await;
    let signed = user.authorize(&id, ANN).await;

    assert_eq!(anonymous.outcome(), "issuer_mismatch");
    assert_eq!(signed.outcome(), "success");
    assert_eq!(stack.count("exchanges").await, 1);
}

#[tokio::test]
async fn a_replayed_answer_shows_the_outcome_again_and_exchanges_nothing() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let approved = user.consent(&id, ANN).await;
    let other = user.create_integration("sandbox", "event").await;
    let uri = user.authorization_uri(&other).await;
    let denied = user.browser().decide(&uri, "deny", ANN).await;
    for callback in [&approved, &denied] {
        assert_eq!(user.browser().open(callback).await.status, 303);
    }

    let connected = user.browser().open(&approved).await;
    let refused = user.browser().open(&denied).await;

    assert_eq!(connected.status, 200, "{}", connected.body);
    assert!(connected.body.contains("is connected"));
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("You said no"), "{}", refused.body);
    assert_eq!(stack.count("exchanges").await, 1);
    assert_eq!(stack.count("families_revoked").await, 0);
}

#[tokio::test]
async fn of_answers_that_come_at_the_same_time_one_is_exchanged() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let callback = user.consent(&id, ANN).await;

    let opened = (0..8).map(|_| user.browser().open(&callback));
    let landings = futures::future::join_all(opened).await;

    let redirected = landings.iter().filter(|landing| landing.status == 303);
    assert_eq!(redirected.count(), 1);
    assert_eq!(stack.count("exchanges").await, 1);
    assert_eq!(stack.count("families_revoked").await, 0);
    assert_eq!(stack.credential(&id).await.unwrap().state, "active");
}
