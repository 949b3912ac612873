use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use url::Url;
use wiremock::ResponseTemplate;
use workapi_oauth::{ExchangeRequest, RedirectUri, TokenAnswer, TokenError};
use workapi_providers::MobileRedirect;
use workapi_types::{AuthorizationCode, ClientSecret, CodeVerifier};

use crate::provider::{CLIENT_ID, Provider, TOKENS, assert_discreet};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Exchanges the code `canary-code` with these secrets and `redirect_uri`.
async fn exchange_with(
    provider: &Provider,
    secrets: &[ClientSecret],
    redirect_uri: RedirectUri,
) -> Result<TokenAnswer, TokenError> {
    provider
        .client
        .exchange_code(ExchangeRequest {
            manifest: &provider.manifest,
            client_id: CLIENT_ID,
            client_secrets: secrets,
            code: &AuthorizationCode::new("canary-code"),
            redirect_uri,
            verifier: Some(&CodeVerifier::new(VERIFIER)),
            deadline: Duration::from_secs(5),
        })
        .await
}

async fn exchange(provider: &Provider) -> Result<TokenAnswer, TokenError> {
    exchange_with(provider, &provider.secrets, RedirectUri::Omit).await
}

#[tokio::test]
async fn a_code_becomes_tokens() {
    let provider = Provider::answering("", 200, TOKENS).await;
    let callback: Url = "https://work.example/auth/callback".parse().unwrap();

    let redirect_uri = RedirectUri::Exact(callback);
    let answer = exchange_with(&provider, &provider.secrets, redirect_uri)
        .await
        .unwrap();

    assert_eq!(answer.access_token.expose(), "canary-access");
    assert_eq!(
        answer.refresh_token.as_ref().unwrap().expose(),
        "canary-refresh"
    );
    assert_eq!(answer.expires_in, Some(Duration::from_hours(1)));
    assert!(answer.scope.as_ref().unwrap().contains("files.read"));
    assert!(answer.asked_at <= answer.received_at);
    assert!(!format!("{answer:?}").contains("canary"));
    let expected = [
        ("client_id", CLIENT_ID),
        ("client_secret", "canary-secret"),
        ("code", "canary-code"),
        ("code_verifier", VERIFIER),
        ("grant_type", "authorization_code"),
        ("redirect_uri", "https://work.example/auth/callback"),
    ];
    let form = provider.form().await;
    assert_eq!(form.len(), expected.len());
    for (name, value) in expected {
        assert_eq!(form[name], value);
    }
}

#[tokio::test]
async fn a_mobile_code_is_exchanged_with_the_redirect_uri_of_the_manifest() {
    for (redirect, expected) in [
        (MobileRedirect::Empty, Some("")),
        (MobileRedirect::Omit, None),
        (MobileRedirect::Postmessage, Some("postmessage")),
    ] {
        let provider = Provider::answering("", 200, TOKENS).await;

        exchange_with(&provider, &provider.secrets, redirect.into())
            .await
            .unwrap();

        let form = provider.form().await;
        assert_eq!(form.get("redirect_uri").map(String::as_str), expected);
    }
}

#[tokio::test]
async fn no_verifier_is_sent_to_a_provider_that_rejects_it() {
    let provider = Provider::answering("[authorization]\npkce = \"none\"", 200, TOKENS).await;

    exchange(&provider).await.unwrap();

    assert!(!provider.form().await.contains_key("code_verifier"));
}

#[tokio::test]
async fn basic_authentication_form_encodes_id_and_secret_first() {
    let provider = Provider::answering("[token]\nclient_auth = \"basic\"", 200, TOKENS).await;
    let secrets = [ClientSecret::new("a:b+c%")];

    exchange_with(&provider, &secrets, RedirectUri::Omit)
        .await
        .unwrap();

    let request = provider.request().await;
    let header = request.headers["authorization"].to_str().unwrap();
    let decoded = STANDARD
        .decode(header.strip_prefix("Basic ").unwrap())
        .unwrap();
    assert_eq!(String::from_utf8(decoded).unwrap(), "client-1:a%3Ab%2Bc%25");
    let form = provider.form().await;
    assert!(!form.contains_key("client_id") && !form.contains_key("client_secret"));
}

#[tokio::test]
async fn a_public_client_sends_its_id_only() {
    let provider = Provider::answering("[token]\nclient_auth = \"none\"", 200, TOKENS).await;

    exchange(&provider).await.unwrap();

    let form = provider.form().await;
    assert_eq!(form["client_id"], CLIENT_ID);
    assert!(!form.contains_key("client_secret"));
    assert!(
        !provider
            .request()
            .await
            .headers
            .contains_key("authorization")
    );
}

#[tokio::test]
async fn the_request_may_be_json() {
    let provider = Provider::answering("[token]\nbody = \"json\"", 200, TOKENS).await;

    exchange(&provider).await.unwrap();

    let request = provider.request().await;
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(
        request.body_json::<serde_json::Value>().unwrap(),
        json!({
            "client_id": CLIENT_ID,
            "client_secret": "canary-secret",
            "code": "canary-code",
            "code_verifier": VERIFIER,
            "grant_type": "authorization_code",
        })
    );
}

#[tokio::test]
async fn an_answer_may_lack_all_but_the_access_token() {
    let provider = Provider::answering("", 201, r#"{"access_token":"a"}"#).await;

    let answer = exchange(&provider).await.unwrap();

    assert!(answer.refresh_token.is_none() && answer.id_token.is_none());
    assert_eq!(
        (answer.expires_in, answer.refresh_token_expires_in),
        (None, None)
    );
    assert_eq!(answer.scope, None);
}

#[tokio::test]
async fn the_type_of_a_token_is_compared_without_case() {
    for token_type in ["bearer", "BEARER", "bot"] {
        let body = format!(r#"{{"access_token":"a","token_type":"{token_type}"}}"#);
        let provider = Provider::answering("", 200, &body).await;

        assert!(exchange(&provider).await.is_ok());
    }
}

#[tokio::test]
async fn googles_limited_consent_tells_the_life_of_the_refresh_token() {
    let body = r#"{"access_token":"a","id_token":"canary","refresh_token_expires_in":604799}"#;
    let provider = Provider::answering("", 200, body).await;

    let answer = exchange(&provider).await.unwrap();

    assert_eq!(
        answer.refresh_token_expires_in,
        Some(Duration::from_secs(604_799))
    );
    assert_eq!(answer.id_token.unwrap().expose(), "canary");
}

#[tokio::test]
async fn an_answer_may_be_a_form() {
    let provider = Provider::start("").await;
    let form = "access_token=gho_1&scope=repo&token_type=bearer";
    let answer = ResponseTemplate::new(200)
        .set_body_raw(form, "application/x-www-form-urlencoded; charset=utf-8");
    provider.answer("/token", answer).await;

    let answer = exchange(&provider).await.unwrap();

    assert_eq!(answer.access_token.expose(), "gho_1");
}

#[tokio::test]
async fn a_rejection_tells_status_code_and_wait_and_nothing_else() {
    let provider = Provider::start("").await;
    let body = json!({"error": "slow_down", "error_description": "canary", "token": "canary"});
    let answer = ResponseTemplate::new(429)
        .set_body_json(body)
        .insert_header("retry-after", "7");
    provider.answer("/token", answer).await;

    let error = exchange(&provider).await.unwrap_err();

    assert_eq!(
        error.to_string(),
        "the token endpoint answered status 429, error `slow_down`"
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert!(!error.may_have_taken_effect());
    assert_discreet(&error);
}

#[tokio::test]
async fn an_error_with_status_200_is_a_rejection() {
    let body = r#"{"error":"bad_verification_code","error_description":"canary"}"#;
    let provider = Provider::answering("", 200, body).await;

    let error = exchange(&provider).await.unwrap_err();

    assert!(matches!(error, TokenError::Rejected { status: 200, .. }));
    assert!(!error.may_have_taken_effect());
}

#[tokio::test]
async fn an_answer_that_is_no_token_answer_does_not_show_its_body() {
    for body in [
        "canary",
        r#"{"access_token":{"canary":1}}"#,
        r#"["canary"]"#,
    ] {
        let provider = Provider::answering("", 200, body).await;

        let error = exchange(&provider).await.unwrap_err();

        assert!(matches!(error, TokenError::Malformed(_)));
        assert!(error.may_have_taken_effect());
        assert_discreet(&error);
    }
}
