use std::time::Duration;

use workapi_oauth::{RefreshRequest, TokenAnswer, TokenError, classify};
use workapi_providers::{Action, Cause};
use workapi_types::RefreshToken;

use crate::provider::{CLIENT_ID, Provider, TOKENS};

async fn refresh(provider: &Provider) -> Result<TokenAnswer, TokenError> {
    provider
        .client
        .refresh(RefreshRequest {
            manifest: &provider.manifest,
            client_id: CLIENT_ID,
            client_secrets: &provider.secrets,
            refresh_token: &RefreshToken::new("1//canary+old"),
            deadline: Duration::from_secs(5),
        })
        .await
}

#[tokio::test]
async fn a_refresh_token_becomes_new_tokens() {
    let provider = Provider::answering("", 200, TOKENS).await;

    let answer = refresh(&provider).await.unwrap();

    assert_eq!(answer.access_token.expose(), "canary-access");
    let form = provider.form().await;
    assert_eq!(form["grant_type"], "refresh_token");
    assert_eq!(form["refresh_token"], "1//canary+old");
    assert!(!form.contains_key("scope"), "a refresh asks for no scope");
    assert!(!form.contains_key("redirect_uri"));
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_leaves_the_old_one_valid() {
    let provider = Provider::answering("", 200, r#"{"access_token":"a","expires_in":"60"}"#).await;

    let answer = refresh(&provider).await.unwrap();

    assert!(answer.refresh_token.is_none());
    assert_eq!(answer.expires_in, Some(Duration::from_mins(1)));
}

#[tokio::test]
async fn a_dead_grant_is_classified_by_the_code_alone() {
    let body = r#"{"error":"invalid_grant","error_description":"try again later"}"#;
    let provider = Provider::answering("", 400, body).await;

    let error = refresh(&provider).await.unwrap_err();

    let classification = classify(&provider.manifest, &error);
    assert_eq!(classification.cause, Cause::Unknown);
    assert_eq!(classification.action, Action::Reconnect);
}
