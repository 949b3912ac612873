use std::time::Duration;

use wiremock::ResponseTemplate;
use workapi_oauth::{RevocableToken, RevokeError, RevokeRequest, Revoked};
use workapi_types::{AccessToken, RefreshToken};

use crate::provider::{CLIENT_ID, Provider, assert_discreet, manifest};

const RFC_7009: &str = "[revocation]\nstyle = \"rfc7009\"";

async fn revoke(provider: &Provider) -> Result<Revoked, RevokeError> {
    let token = RefreshToken::new("canary-refresh");
    revoke_token(provider, RevocableToken::Refresh(&token)).await
}

async fn revoke_token(
    provider: &Provider,
    token: RevocableToken<'_>,
) -> Result<Revoked, RevokeError> {
    provider
        .client
        .revoke(RevokeRequest {
            manifest: &provider.manifest,
            client_id: CLIENT_ID,
            client_secrets: &provider.secrets,
            token,
            deadline: Duration::from_secs(5),
        })
        .await
}

async fn answering(tables: &str, answer: ResponseTemplate) -> Provider {
    let provider = Provider::start(&format!("{RFC_7009}\n{tables}")).await;
    provider.answer("/revoke", answer).await;
    provider
}

#[tokio::test]
async fn a_refresh_token_is_sent_in_a_form_with_its_type() {
    let provider = answering("", ResponseTemplate::new(200)).await;

    let outcome = revoke(&provider).await.unwrap();

    assert_eq!(outcome, Revoked::Accepted);
    let form = provider.form().await;
    assert_eq!(form["token"], "canary-refresh");
    assert_eq!(form["token_type_hint"], "refresh_token");
    assert_eq!(form["client_id"], CLIENT_ID);
    assert_eq!(form["client_secret"], "canary-secret");
}

#[tokio::test]
async fn an_access_token_can_be_revoked_as_well() {
    let provider = answering("", ResponseTemplate::new(204)).await;
    let token = AccessToken::new("canary-access");

    let outcome = revoke_token(&provider, RevocableToken::Access(&token)).await;

    assert_eq!(outcome.unwrap(), Revoked::Accepted);
    assert_eq!(provider.form().await["token_type_hint"], "access_token");
}

#[tokio::test]
async fn the_client_authenticates_as_at_the_token_endpoint() {
    let basic = answering(
        "[token]\nclient_auth = \"basic\"",
        ResponseTemplate::new(200),
    )
    .await;
    let public = answering(
        "[token]\nclient_auth = \"none\"",
        ResponseTemplate::new(200),
    )
    .await;

    revoke(&basic).await.unwrap();
    revoke(&public).await.unwrap();

    assert!(!basic.form().await.contains_key("client_id"));
    assert_eq!(
        basic.request().await.headers["authorization"],
        "Basic Y2xpZW50LTE6Y2FuYXJ5LXNlY3JldA=="
    );
    let form = public.form().await;
    assert_eq!(form["client_id"], CLIENT_ID);
    assert!(!form.contains_key("client_secret"));
}

#[tokio::test]
async fn googles_answer_for_a_token_that_is_already_invalid_is_a_success() {
    let body = r#"{"error":"invalid_token","error_description":"Token expired or revoked"}"#;
    let answer = ResponseTemplate::new(400).set_body_raw(body, "application/json");
    let provider = answering("", answer).await;

    assert_eq!(revoke(&provider).await.unwrap(), Revoked::AlreadyInvalid);
}

#[tokio::test]
async fn any_other_4xx_is_final() {
    let body = r#"{"error":"invalid_client","error_description":"canary"}"#;
    for status in [400, 401, 403, 404] {
        let answer = ResponseTemplate::new(status).set_body_raw(body, "application/json");
        let provider = answering("", answer).await;

        let error = revoke(&provider).await.unwrap_err();

        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            format!("the revocation endpoint answered status {status}, error `invalid_client`")
        );
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn a_provider_in_trouble_is_asked_again_later() {
    for status in [302, 408, 429, 500, 503] {
        let answer = ResponseTemplate::new(status).insert_header("retry-after", "9");
        let provider = answering("", answer).await;

        let error = revoke(&provider).await.unwrap_err();

        assert!(error.is_retryable(), "{status}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));
    }
}

#[tokio::test]
async fn a_provider_that_can_not_be_reached_is_asked_again_later() {
    let mut provider = Provider::start("").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    provider.manifest = manifest(&base, RFC_7009);

    let error = revoke(&provider).await.unwrap_err();

    assert!(matches!(error, RevokeError::Transport(_)));
    assert!(error.is_retryable());
    assert_discreet(&error);
}

#[tokio::test]
async fn a_provider_without_revocation_is_not_asked() {
    let provider = Provider::start("").await;

    let error = revoke(&provider).await.unwrap_err();

    assert!(matches!(error, RevokeError::Unsupported));
    assert!(!error.is_retryable());
    assert!(
        provider
            .server
            .received_requests()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_request_is_json_where_the_token_endpoint_wants_json() {
    let tables = "[token]\nbody = \"json\"\nclient_auth = \"basic\"";
    let provider = answering(tables, ResponseTemplate::new(200)).await;

    revoke(&provider).await.unwrap();

    let request = provider.request().await;
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(request.headers.contains_key("authorization"));
    assert_eq!(
        request.body_json::<serde_json::Value>().unwrap(),
        serde_json::json!({"token": "canary-refresh", "token_type_hint": "refresh_token"})
    );
}

#[tokio::test]
async fn an_error_with_status_200_is_no_revocation() {
    let rule = |error: &str, cause: &str, action: &str| {
        format!("[[errors]]\nerror = \"{error}\"\ncause = \"{cause}\"\naction = \"{action}\"\n")
    };
    let rules = rule("token_revoked", "revoked_by_user", "reconnect")
        + &rule("internal_error", "provider_unavailable", "wait")
        + &rule("not_allowed", "operator_config", "operator");
    let revoked = async |error: &str| {
        let body = format!(r#"{{"ok":false,"error":"{error}"}}"#);
        let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        revoke(&answering(&rules, answer).await).await
    };

    let dead = revoked("token_revoked").await;
    let trouble = revoked("internal_error").await;
    let refused = revoked("not_allowed").await;

    assert_eq!(dead.unwrap(), Revoked::AlreadyInvalid);
    assert!(trouble.unwrap_err().is_retryable());
    assert!(!refused.unwrap_err().is_retryable());
}
