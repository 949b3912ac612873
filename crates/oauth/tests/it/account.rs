use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;
use workapi_oauth::{Account, AccountError, IdTokenFault, TokenAnswer};
use workapi_types::{AccessToken, IdToken};

use crate::provider::{CLIENT_ID, Provider, assert_discreet};
use crate::signer::Signer;

const USERINFO: &str = "[account]\nsource = \"userinfo\"\nsubject = \"id\"\nclaim = \"mail\"";

/// An answer as the token endpoint gives it.
fn answer(id_token: Option<String>) -> TokenAnswer {
    TokenAnswer {
        access_token: AccessToken::new("canary-access"),
        refresh_token: None,
        expires_in: None,
        refresh_token_expires_in: None,
        scope: None,
        id_token: id_token.map(IdToken::new),
        asked_at: Instant::now(),
        received_at: Instant::now(),
    }
}

async fn account(provider: &Provider, answer: &TokenAnswer) -> Result<Account, AccountError> {
    provider
        .client
        .account(&provider.manifest, CLIENT_ID, answer)
        .await
}

/// Starts a provider that publishes the signer's key.
async fn issuer(signer: &Signer) -> Provider {
    let provider = Provider::start("").await;
    let keys = ResponseTemplate::new(200).set_body_json(json!({ "keys": [signer.jwk()] }));
    provider.answer("/jwks", keys).await;
    provider
}

fn claims(provider: &Provider) -> Value {
    json!({
        "iss": provider.server.uri(),
        "aud": CLIENT_ID,
        "sub": "1234",
        "email": "canary@example.test",
        "exp": get_current_timestamp() + 3600,
        "iat": get_current_timestamp(),
    })
}

/// Verifies a token whose claims were changed.
async fn verify_with(change: impl FnOnce(&mut Value)) -> Result<Account, AccountError> {
    let signer = Signer::ed25519("k1");
    let provider = issuer(&signer).await;
    let mut claims = claims(&provider);
    change(&mut claims);
    account(&provider, &answer(Some(signer.sign(&claims)))).await
}

/// Verifies a token that is made by the test.
async fn verify_token(
    make: impl FnOnce(&Signer, &Value) -> String,
) -> Result<Account, AccountError> {
    let signer = Signer::ed25519("k1");
    let provider = issuer(&signer).await;
    let token = make(&signer, &claims(&provider));
    account(&provider, &answer(Some(token))).await
}

#[track_caller]
fn assert_fault(result: Result<Account, AccountError>, expected: IdTokenFault) {
    let error = result.unwrap_err();
    assert!(
        matches!(error, AccountError::IdToken(fault) if fault == expected),
        "{error:?}"
    );
    assert!(!error.is_retryable());
    assert_discreet(&error);
}

#[tokio::test]
async fn the_id_token_names_the_account() {
    for signer in [Signer::rsa("k1"), Signer::p256("k1"), Signer::ed25519("k1")] {
        let provider = issuer(&signer).await;
        let token = signer.sign(&claims(&provider));

        let account = account(&provider, &answer(Some(token))).await.unwrap();

        assert_eq!(account.subject, format!("{}|1234", provider.server.uri()));
        assert_eq!(account.display.as_deref(), Some("canary@example.test"));
        assert_eq!(format!("{account:?}"), "Account(..)");
    }
}

#[tokio::test]
async fn an_account_without_an_address_is_still_an_account() {
    let account = verify_with(|claims| claims["email"] = Value::Null)
        .await
        .unwrap();

    assert_eq!(account.display, None);
}

#[tokio::test]
async fn an_account_without_a_stable_id_is_refused() {
    for id in [
        json!(null),
        json!(""),
        json!("a\nb"),
        json!("x".repeat(256)),
    ] {
        let result = verify_with(|claims| claims["sub"] = id).await;

        assert!(matches!(result, Err(AccountError::NoSubject)));
    }
}

#[tokio::test]
async fn an_answer_without_an_id_token_is_refused() {
    let provider = Provider::start("").await;

    let result = account(&provider, &answer(None)).await;

    assert!(matches!(result, Err(AccountError::NoIdToken)));
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let result = verify_token(|signer, claims| {
        let signed = signer.sign(claims);
        let payload = signed.split('.').nth(1).unwrap();
        // {"alg":"none"}
        format!("eyJhbGciOiJub25lIn0.{payload}.")
    });

    assert_fault(result.await, IdTokenFault::Malformed);
}

#[tokio::test]
async fn a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() {
    let result = verify_token(|signer, claims| {
        let secret = signer.jwk()["x"].as_str().unwrap().to_owned();
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("k1".to_owned());
        encode(
            &header,
            claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .unwrap()
    });

    assert_fault(result.await, IdTokenFault::Algorithm);
}

#[tokio::test]
async fn a_token_of_another_algorithm_than_the_keys_is_refused() {
    let result = verify_token(|_, claims| Signer::p256("k1").sign(claims));

    assert_fault(result.await, IdTokenFault::UnknownKey);
}

#[tokio::test]
async fn a_token_of_somebody_elses_key_is_refused() {
    let result = verify_token(|_, claims| Signer::ed25519("k1").sign(claims));

    assert_fault(result.await, IdTokenFault::Signature);
}

#[tokio::test]
async fn a_token_of_an_unknown_key_is_refused() {
    let result = verify_token(|_, claims| Signer::ed25519("../k1").sign(claims));

    assert_fault(result.await, IdTokenFault::UnknownKey);
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_is_ignored() {
    let result = verify_token(|_, claims| {
        let forger = Signer::ed25519("k1");
        let mut header = forger.header();
        header.jwk = Some(serde_json::from_value(forger.jwk()).unwrap());
        header.jku = Some("https://forger.example/jwks".to_owned());
        forger.sign_with(&header, claims)
    });

    assert_fault(result.await, IdTokenFault::Signature);
}

#[tokio::test]
async fn an_extension_that_is_not_known_is_refused() {
    let result = verify_token(|signer, claims| {
        let mut header = signer.header();
        header.crit = Some(vec!["b64".to_owned()]);
        signer.sign_with(&header, claims)
    });

    assert_fault(result.await, IdTokenFault::Algorithm);
}

#[tokio::test]
async fn what_is_no_jwt_is_refused() {
    for token in ["", "a.b.c", "canary"] {
        let result = verify_token(|_, _| token.to_owned()).await;

        assert_fault(result, IdTokenFault::Malformed);
    }
    let result = verify_with(|claims| claims["padding"] = "x".repeat(16 * 1024).into()).await;
    assert_fault(result, IdTokenFault::Malformed);
}

#[tokio::test]
async fn a_token_that_is_not_valid_now_is_refused() {
    let now = get_current_timestamp();

    let expired = verify_with(|claims| claims["exp"] = (now - 120).into()).await;
    let early = verify_with(|claims| claims["nbf"] = (now + 300).into()).await;
    let just_expired = verify_with(|claims| claims["exp"] = (now - 20).into()).await;

    assert_fault(expired, IdTokenFault::Time);
    assert_fault(early, IdTokenFault::Time);
    assert!(just_expired.is_ok(), "clocks may differ a little");
}

#[tokio::test]
async fn a_token_without_an_end_an_issuer_or_an_audience_is_refused() {
    for name in ["exp", "iss", "aud"] {
        let result = verify_with(|claims| claims[name] = Value::Null).await;

        assert_fault(result, IdTokenFault::Malformed);
    }
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    let another = verify_with(|claims| claims["iss"] = "https://evil.example".into()).await;
    let almost = verify_with(|claims| {
        claims["iss"] = format!("{}/", claims["iss"].as_str().unwrap()).into();
    })
    .await;
    let several = verify_with(|claims| {
        claims["iss"] = json!([claims["iss"], "https://evil.example"]);
    })
    .await;

    assert_fault(another, IdTokenFault::Issuer);
    assert_fault(almost, IdTokenFault::Issuer);
    assert_fault(several, IdTokenFault::Issuer);
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused() {
    let another = verify_with(|claims| claims["aud"] = "client-2".into()).await;
    let several = verify_with(|claims| claims["aud"] = json!([CLIENT_ID, "client-2"])).await;
    let list_of_one = verify_with(|claims| claims["aud"] = json!([CLIENT_ID])).await;

    assert_fault(another, IdTokenFault::Audience);
    assert_fault(several, IdTokenFault::Audience);
    assert!(list_of_one.is_ok());
}

#[tokio::test]
async fn an_issuer_that_does_not_give_its_keys_can_be_asked_later() {
    let provider = Provider::start("").await;
    provider.answer("/jwks", ResponseTemplate::new(500)).await;
    let token = Signer::ed25519("k1").sign(&claims(&provider));

    let error = account(&provider, &answer(Some(token))).await.unwrap_err();

    assert!(matches!(error, AccountError::KeysUnavailable));
    assert!(error.is_retryable());
}

#[tokio::test]
async fn the_userinfo_endpoint_names_the_account() {
    let provider = Provider::start(USERINFO).await;
    let members = json!({"id": 4711, "mail": "canary@example.test", "plan": {}});
    let told = ResponseTemplate::new(200).set_body_json(members);
    provider.answer("/userinfo", told).await;

    let account = account(&provider, &answer(None)).await.unwrap();

    assert_eq!(account.subject, format!("{}|4711", provider.server.uri()));
    assert_eq!(account.display.as_deref(), Some("canary@example.test"));
    let request = provider.request().await;
    assert_eq!(request.headers["authorization"], "Bearer canary-access");
    assert_eq!(request.url.query(), None);
}

/// Asks the userinfo endpoint of a provider that sent an ID token whose claims were changed.
async fn userinfo_beside_id_token(
    change: impl FnOnce(&mut Value),
) -> Result<Account, AccountError> {
    let signer = Signer::ed25519("k1");
    let provider = Provider::start(USERINFO).await;
    let keys = ResponseTemplate::new(200).set_body_json(json!({ "keys": [signer.jwk()] }));
    provider.answer("/jwks", keys).await;
    let members = json!({"id": 4711, "sub": "1234", "mail": "canary@example.test"});
    let told = ResponseTemplate::new(200).set_body_json(members);
    provider.answer("/userinfo", told).await;
    let mut claims = claims(&provider);
    change(&mut claims);
    account(&provider, &answer(Some(signer.sign(&claims)))).await
}

#[tokio::test]
async fn an_id_token_that_comes_beside_userinfo_is_checked_too() {
    let account = userinfo_beside_id_token(|_| {}).await.unwrap();
    assert_eq!(account.display.as_deref(), Some("canary@example.test"));

    let of_another_client = userinfo_beside_id_token(|claims| claims["aud"] = "other".into());
    assert_fault(of_another_client.await, IdTokenFault::Audience);
    let of_another_user = userinfo_beside_id_token(|claims| claims["sub"] = "4321".into());
    assert_fault(of_another_user.await, IdTokenFault::Subject);
}

#[tokio::test]
async fn the_access_token_does_not_follow_a_redirect() {
    let elsewhere = Provider::start("").await;
    let provider = Provider::start(USERINFO).await;
    let redirect = ResponseTemplate::new(302)
        .insert_header("location", format!("{}/userinfo", elsewhere.server.uri()));
    provider.answer("/userinfo", redirect).await;

    let error = account(&provider, &answer(None)).await.unwrap_err();

    assert!(matches!(error, AccountError::Userinfo { status: 302 }));
    assert!(
        elsewhere
            .server
            .received_requests()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_userinfo_endpoint_that_refuses_is_told_from_one_that_can_not() {
    for (status, is_retryable) in [(401, false), (403, false), (429, true), (503, true)] {
        let provider = Provider::start(USERINFO).await;
        let body = json!({"id": 1, "error": "canary"});
        let answered = ResponseTemplate::new(status).set_body_json(body);
        provider.answer("/userinfo", answered).await;

        let error = account(&provider, &answer(None)).await.unwrap_err();

        assert_eq!(error.is_retryable(), is_retryable, "{status}");
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn a_page_instead_of_userinfo_is_refused() {
    let provider = Provider::start(USERINFO).await;
    let page = ResponseTemplate::new(200).set_body_raw("<html>canary", "text/html");
    provider.answer("/userinfo", page).await;

    let error = account(&provider, &answer(None)).await.unwrap_err();

    assert!(matches!(error, AccountError::Userinfo { status: 200 }));
    assert_discreet(&error);
}

#[tokio::test]
async fn a_silent_userinfo_endpoint_ends_with_the_manifests_deadline() {
    let provider = Provider::start(&format!("{USERINFO}\n[token]\ndeadline_seconds = 1")).await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
    provider.answer("/userinfo", late).await;

    let error = account(&provider, &answer(None)).await.unwrap_err();

    assert!(matches!(error, AccountError::Transport(_)));
}

#[tokio::test]
async fn a_userinfo_endpoint_is_asked_as_the_manifest_says() {
    let tables =
        format!("{USERINFO}\nmethod = \"POST\"\nheaders = {{ Notion-Version = \"2022-06-28\" }}");
    let provider = Provider::start(&tables).await;
    let told = ResponseTemplate::new(200).set_body_json(json!({"id": "1"}));
    provider.answer("/userinfo", told).await;

    account(&provider, &answer(None)).await.unwrap();

    let request = provider.request().await;
    assert_eq!(request.method, "POST");
    assert_eq!(request.headers["notion-version"], "2022-06-28");
    assert!(request.body.is_empty());
}
