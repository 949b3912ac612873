//! A client with several secrets: failure mode FM-10.

use std::time::Duration;

use serde_json::json;
use wiremock::matchers::{body_string_contains, path};
use wiremock::{Mock, ResponseTemplate};
use workapi_oauth::{
    ExchangeRequest, RedirectUri, RefreshRequest, RevocableToken, RevokeError, RevokeRequest,
    Revoked, TokenAnswer, TokenError,
};
use workapi_types::{AuthorizationCode, ClientSecret, RefreshToken};

use crate::provider::{CLIENT_ID, Provider, TOKENS, assert_discreet};

const RFC_7009: &str = "[revocation]\nstyle = \"rfc7009\"";

/// A provider that knows the secret `new` only, and answers others so.
async fn knowing_new(tables: &str, wrong: ResponseTemplate) -> Provider {
    let mut provider = Provider::start(tables).await;
    provider.secrets = ["old", "older", "new"].map(ClientSecret::new).to_vec();
    for (endpoint, right) in [("/token", TOKENS), ("/revoke", "{}")] {
        Mock::given(path(endpoint))
            .and(body_string_contains("client_secret=new"))
            .respond_with(ResponseTemplate::new(200).set_body_raw(right, "application/json"))
            .mount(&provider.server)
            .await;
        provider.answer(endpoint, wrong.clone()).await;
    }
    provider
}

fn refusal(status: u16, error: &str) -> ResponseTemplate {
    let body = json!({"error": error, "error_description": "canary"});
    ResponseTemplate::new(status).set_body_json(body)
}

async fn refresh(provider: &Provider) -> Result<TokenAnswer, TokenError> {
    let request = RefreshRequest {
        manifest: &provider.manifest,
        client_id: CLIENT_ID,
        client_secrets: &provider.secrets,
        refresh_token: &RefreshToken::new("canary-refresh"),
        deadline: Duration::from_secs(5),
    };
    provider.client.refresh(request).await
}

async fn exchange(provider: &Provider) -> Result<TokenAnswer, TokenError> {
    let request = ExchangeRequest {
        manifest: &provider.manifest,
        client_id: CLIENT_ID,
        client_secrets: &provider.secrets,
        code: &AuthorizationCode::new("canary-code"),
        redirect_uri: RedirectUri::Omit,
        verifier: None,
        deadline: Duration::from_secs(5),
    };
    provider.client.exchange_code(request).await
}

async fn revoke(provider: &Provider) -> Result<Revoked, RevokeError> {
    let request = RevokeRequest {
        manifest: &provider.manifest,
        client_id: CLIENT_ID,
        client_secrets: &provider.secrets,
        token: RevocableToken::Refresh(&RefreshToken::new("canary-refresh")),
        deadline: Duration::from_secs(5),
    };
    provider.client.revoke(request).await
}

async fn requests(provider: &Provider) -> usize {
    provider.server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn fm_10_the_next_secret_is_tried_when_one_is_refused() {
    let wrong = [
        refusal(401, "invalid_client"),
        refusal(400, "invalid_client"),
        refusal(400, "unauthorized_client"),
        ResponseTemplate::new(401),
    ];
    for wrong in wrong {
        let provider = knowing_new(RFC_7009, wrong).await;

        assert!(refresh(&provider).await.is_ok());
        assert!(exchange(&provider).await.is_ok());
        assert_eq!(revoke(&provider).await.unwrap(), Revoked::Accepted);

        assert_eq!(requests(&provider).await, 3 * 3);
    }
}

#[tokio::test]
async fn fm_10_a_providers_own_word_for_a_wrong_secret_counts_as_well() {
    let rule = "[[errors]]\nerror = \"bad_client_secret\"\ncause = \"operator_config\"\naction = \"operator\"";
    let wrong = ResponseTemplate::new(200)
        .set_body_json(json!({"ok": false, "error": "bad_client_secret"}));
    let provider = knowing_new(&format!("{RFC_7009}\n{rule}"), wrong).await;

    assert!(refresh(&provider).await.is_ok());
    assert!(exchange(&provider).await.is_ok());
    assert_eq!(revoke(&provider).await.unwrap(), Revoked::Accepted);
}

#[tokio::test]
async fn the_failure_of_the_last_secret_is_the_one_that_is_told() {
    let provider = knowing_new(RFC_7009, refusal(401, "invalid_client")).await;
    let mut provider = provider;
    provider.secrets.pop();

    let error = refresh(&provider).await.unwrap_err();

    assert_eq!(requests(&provider).await, 2);
    assert_eq!(
        error.to_string(),
        "the token endpoint answered status 401, error `invalid_client`"
    );
    assert_discreet(&error);
    assert!(!revoke(&provider).await.unwrap_err().is_retryable());
    assert_eq!(requests(&provider).await, 4);
}

#[tokio::test]
async fn no_other_refusal_is_answered_with_another_secret() {
    let refusals = [
        refusal(400, "invalid_grant"),
        refusal(400, "invalid_request"),
        refusal(429, "slow_down"),
        refusal(500, "invalid_client"),
        ResponseTemplate::new(403),
        ResponseTemplate::new(503),
    ];
    for refused in refusals {
        let provider = knowing_new(RFC_7009, refused).await;

        assert!(refresh(&provider).await.is_err());
        assert!(exchange(&provider).await.is_err());
        assert!(revoke(&provider).await.is_err());

        assert_eq!(requests(&provider).await, 3, "one request each");
    }
}

#[tokio::test]
async fn a_lost_answer_is_not_asked_for_with_another_secret() {
    let late = ResponseTemplate::new(401).set_delay(Duration::from_mins(1));
    let provider = knowing_new("", late).await;
    let request = RefreshRequest {
        manifest: &provider.manifest,
        client_id: CLIENT_ID,
        client_secrets: &provider.secrets,
        refresh_token: &RefreshToken::new("canary-refresh"),
        deadline: Duration::from_millis(200),
    };

    let error = provider.client.refresh(request).await.unwrap_err();

    assert!(error.may_have_taken_effect());
    assert_eq!(requests(&provider).await, 1);
}

#[tokio::test]
async fn a_public_client_asks_once() {
    let tables = "[token]\nclient_auth = \"none\"";
    let provider = knowing_new(tables, refusal(401, "invalid_client")).await;

    assert!(refresh(&provider).await.is_err());

    assert_eq!(requests(&provider).await, 1);
}
