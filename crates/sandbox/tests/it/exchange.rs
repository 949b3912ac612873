//! Exchanging authorization codes and mobile codes.

use std::time::Duration;

use reqwest::header;
use serde_json::{Value, json};
use workapi_sandbox::RotationClass;

use crate::provider::{
    BASIC_DEMO, Provider, REDIRECT_URI, VERIFIER, assert_refused, client, request, request_with,
};

#[tokio::test]
async fn a_code_is_exchanged_for_tokens_and_the_granted_scope() {
    let provider = Provider::start().await;
    let code = provider.code(&request()).await;

    let response = provider.exchange("demo", &code).await;

    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let tokens: Value = response.json().await.unwrap();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(tokens["scope"], "openid email offline_access");
    assert!(tokens["access_token"].is_string());
    assert!(tokens["refresh_token"].is_string());
    let counted = json!({ "authorizations": 1, "exchanges": 1, "refreshes": 0 });
    provider.assert_counters("demo", counted).await;
}

#[tokio::test]
async fn the_body_of_a_token_request_may_be_json() {
    let provider = Provider::start().await;
    let code = provider.code(&request()).await;
    let body = json!({
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    });

    let url = provider.url.join("/token").unwrap();
    let request = provider.http.post(url).json(&body);
    let response = request
        .header(header::AUTHORIZATION, BASIC_DEMO)
        .send()
        .await;

    assert_eq!(response.unwrap().status(), 200);
}

#[tokio::test]
async fn a_refresh_token_needs_offline_access() {
    let provider = Provider::start().await;
    let online = request_with("scope", "openid email");
    let mut google_offline = online.clone();
    google_offline.push(("access_type", "offline"));

    for (parameters, expected) in [(online, false), (google_offline, true)] {
        let code = provider.code(&parameters).await;
        let tokens: Value = provider.exchange("demo", &code).await.json().await.unwrap();

        assert_eq!(tokens.get("refresh_token").is_some(), expected);
    }
}

#[tokio::test]
async fn a_client_can_be_told_to_miss_its_refresh_token() {
    let provider = Provider::start().await;
    let change = json!({ "issue_refresh_token": false });
    provider.put_client("demo", &change).await;

    let tokens = provider.connect("demo").await;

    assert_eq!(tokens.get("refresh_token"), None);
}

#[tokio::test]
async fn a_wrong_or_missing_verifier_is_refused() {
    let provider = Provider::start().await;
    let code = provider.code(&request()).await;
    let wrong = VERIFIER.replace('d', "e");

    for verifier in [wrong.as_str(), "", "short"] {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", verifier),
        ];
        let response = provider.token("demo", &form).await;

        assert_refused(response, 400, "invalid_grant").await;
    }
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let provider = Provider::start().await;
    let code = provider.mobile_code().await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("code_verifier", VERIFIER),
    ];

    let response = provider.token("demo", &form).await;

    assert_refused(response, 400, "invalid_grant").await;
}

#[tokio::test]
async fn another_redirect_uri_than_the_requested_one_is_refused() {
    let provider = Provider::start().await;
    let code = provider.code(&request()).await;

    for redirect_uri in ["http://127.0.0.1:9/auth/callback/", "", "postmessage"] {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        let response = provider.token("demo", &form).await;

        assert_refused(response, 400, "invalid_grant").await;
    }
}

#[tokio::test]
async fn a_replayed_code_is_refused_and_kills_its_tokens() {
    let provider = Provider::start().await;
    let code = provider.code(&request()).await;
    let tokens: Value = provider.exchange("demo", &code).await.json().await.unwrap();

    let replayed = provider.exchange("demo", &code).await;

    assert_refused(replayed, 400, "invalid_grant").await;
    assert_eq!(provider.userinfo(&tokens).await.status(), 401);
    provider.refresh_refused("demo", &tokens).await;
    let counted = json!({ "exchanges": 1, "families_revoked": 1, "reuse_detected": 0 });
    provider.assert_counters("demo", counted).await;
}

#[tokio::test]
async fn a_code_expires_after_a_minute() {
    let provider = Provider::start().await;
    let code = provider.code(&request()).await;
    provider.clock.advance(Duration::from_mins(1));

    let response = provider.exchange("demo", &code).await;

    assert_refused(response, 400, "invalid_grant").await;
}

#[tokio::test]
async fn of_many_exchanges_of_one_code_at_once_exactly_one_succeeds() {
    let provider = Provider::start().await;
    let code = provider.code(&request()).await;

    let exchanges = (0..16).map(|_| provider.exchange("demo", &code));
    let responses = futures::future::join_all(exchanges).await;

    let accepted = responses.iter().filter(|response| response.status() == 200);
    assert_eq!(accepted.count(), 1);
    provider
        .assert_counters("demo", json!({ "exchanges": 1 }))
        .await;
}

#[tokio::test]
async fn a_code_of_another_client_is_refused_and_stays_good() {
    let seeds = vec![
        client("demo", RotationClass::D),
        client("other", RotationClass::D),
    ];
    let provider = Provider::start_with(seeds).await;
    let code = provider.code(&request()).await;

    let stolen = provider.exchange("other", &code).await;

    assert_refused(stolen, 400, "invalid_grant").await;
    assert_eq!(provider.exchange("demo", &code).await.status(), 200);
}

#[tokio::test]
async fn malformed_token_requests_are_refused_by_name() {
    let provider = Provider::start().await;

    for (form, error) in [
        (vec![], "invalid_request"),
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (
            vec![("grant_type", "authorization_code")],
            "invalid_request",
        ),
        (vec![("grant_type", "refresh_token")], "invalid_request"),
        (
            vec![("grant_type", "authorization_code"), ("code", "nonsense")],
            "invalid_grant",
        ),
        (
            vec![
                ("grant_type", "refresh_token"),
                ("grant_type", "refresh_token"),
            ],
            "invalid_request",
        ),
    ] {
        let response = provider.token("demo", &form).await;

        assert_refused(response, 400, error).await;
    }
}

#[tokio::test]
async fn a_mobile_code_needs_no_redirect_uri_and_no_verifier() {
    let provider = Provider::start().await;

    for redirect_uri in [None, Some(""), Some("postmessage")] {
        let code = provider.mobile_code().await;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
        ];
        form.extend(redirect_uri.map(|uri| ("redirect_uri", uri)));
        let response = provider.token("demo", &form).await;

        assert_eq!(response.status(), 200, "{redirect_uri:?}");
        let tokens: Value = response.json().await.unwrap();
        assert!(tokens["refresh_token"].is_string());
        assert!(tokens["id_token"].is_string());
    }
}

#[tokio::test]
async fn a_mobile_code_with_another_redirect_uri_is_refused() {
    let provider = Provider::start().await;
    let code = provider.mobile_code().await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
    ];

    let response = provider.token("demo", &form).await;

    assert_refused(response, 400, "invalid_grant").await;
}
