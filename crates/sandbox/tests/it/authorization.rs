//! The authorization endpoint and its consent page.

use reqwest::header;

use crate::provider::{ANN, Provider, REDIRECT_URI, answer_in_redirect, request, request_with};

#[tokio::test]
async fn the_consent_page_shows_the_client_the_scopes_and_both_accounts() {
    let provider = Provider::start().await;

    let page = provider.ask(&request()).await.text().await.unwrap();

    for shown in [
        "demo",
        "offline_access",
        ANN,
        "bo@example.test",
        "127.0.0.1:9",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn the_consent_page_keeps_to_itself() {
    let provider = Provider::start().await;

    let response = provider.ask(&request()).await;

    let headers = response.headers();
    assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn approving_sends_back_a_code_with_state_and_issuer() {
    let provider = Provider::start().await;

    let response = provider.decide(&request(), "approve", ANN).await;

    let answer = answer_in_redirect(&response);
    assert!(answer["code"].len() <= 256);
    assert_eq!(answer["state"], "st&te=1");
    assert_eq!(answer["iss"], provider.issuer);
    assert_eq!(answer.len(), 3);
}

#[tokio::test]
async fn denying_sends_back_access_denied_with_state_and_issuer() {
    let provider = Provider::start().await;

    let response = provider.decide(&request(), "deny", ANN).await;

    let answer = answer_in_redirect(&response);
    assert_eq!(answer["error"], "access_denied");
    assert_eq!(answer["state"], "st&te=1");
    assert_eq!(answer["iss"], provider.issuer);
    assert_eq!(answer.len(), 3);
}

#[tokio::test]
async fn a_bad_request_of_a_trusted_client_is_told_to_the_client() {
    let provider = Provider::start().await;

    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("scope", "a\"b", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
    ] {
        let response = provider.ask(&request_with(name, value)).await;

        let answer = answer_in_redirect(&response);
        assert_eq!(answer["error"], error, "{name}={value}");
        assert_eq!(answer["state"], "st&te=1");
        assert_eq!(answer["iss"], provider.issuer);
    }
}

#[tokio::test]
async fn an_unknown_client_or_redirect_uri_is_never_redirected_to() {
    let provider = Provider::start().await;

    for (name, value) in [
        ("client_id", "unknown"),
        ("client_id", ""),
        ("redirect_uri", ""),
        ("redirect_uri", "http://127.0.0.1:9/auth/callback/"),
        ("redirect_uri", "http://127.0.0.1:9/auth/callback?x=1"),
        ("redirect_uri", "http://127.0.0.1:9/auth/%63allback"),
        ("redirect_uri", "https://evil.example/"),
    ] {
        let response = provider.ask(&request_with(name, value)).await;

        assert_eq!(response.status(), 400, "{name}={value}");
        assert!(!response.headers().contains_key(header::LOCATION));
    }
}

#[tokio::test]
async fn a_repeated_parameter_is_refused_on_a_page() {
    let provider = Provider::start().await;
    let mut parameters = request();
    parameters.push(("redirect_uri", REDIRECT_URI));

    let response = provider.ask(&parameters).await;

    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn the_decision_is_checked_like_the_request() {
    let provider = Provider::start().await;

    for (decision, account) in [("maybe", ANN), ("approve", "eve@example.test")] {
        let response = provider.decide(&request(), decision, account).await;

        assert_eq!(response.status(), 400, "{decision} {account}");
    }
    let forged = [
        ("client_id", "demo"),
        ("redirect_uri", "https://evil.example/"),
    ];
    let url = provider.url.join("/authorize").unwrap();
    let response = provider.http.post(url).form(&forged).send().await.unwrap();
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn what_a_client_sends_cannot_break_out_of_the_page() {
    let provider = Provider::start().await;
    let state = "\"><script>alert(1)</script>";

    let response = provider.ask(&request_with("state", state)).await;

    let page = response.text().await.unwrap();
    assert!(!page.contains("<script"));
    let back = provider
        .decide(&request_with("state", state), "deny", ANN)
        .await;
    assert_eq!(answer_in_redirect(&back)["state"], state);
}

#[tokio::test]
async fn a_client_that_need_not_use_pkce_may_leave_it_out() {
    let provider = Provider::start().await;
    let change = serde_json::json!({ "require_pkce": false });
    provider.put_client("demo", &change).await;
    let mut parameters = request_with("code_challenge", "");
    parameters.retain(|(_, value)| *value != "S256");

    let response = provider.decide(&parameters, "approve", ANN).await;

    assert!(answer_in_redirect(&response).contains_key("code"));
}

#[tokio::test]
async fn an_unknown_path_is_a_page_that_says_so() {
    let provider = Provider::start().await;

    let response = provider.get("/nothing").await;

    assert_eq!(response.status(), 404);
    assert!(response.text().await.unwrap().contains("sandbox"));
}
