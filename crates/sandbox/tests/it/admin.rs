//! The admin API: what it answers, and what it says about bad input.

use serde_json::{Value, json};

use crate::provider::{ANN, Provider, REDIRECT_URI};

#[tokio::test]
async fn counters_are_in_total_and_per_client() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    provider.refreshed("demo", &tokens).await;

    let counters = provider.counters().await;

    let expected = json!({
        "authorizations": 1,
        "exchanges": 1,
        "refreshes": 1,
        "revocations": 0,
        "reuse_detected": 0,
        "double_spends": 0,
        "families_revoked": 0,
        "answers_dropped": 0,
    });
    assert_eq!(counters["clients"], json!({ "demo": expected }));
    let mut total = expected;
    total["max_concurrent"] = 1.into();
    assert_eq!(counters["total"], total);
}

#[tokio::test]
async fn a_new_client_gets_a_secret_and_keeps_it_when_changed() {
    let provider = Provider::start().await;
    let redirect_uris = json!({ "redirect_uris": [REDIRECT_URI] });

    let made = provider.put_client("fresh", &redirect_uris).await;
    let made: Value = made.json().await.unwrap();
    let change = json!({ "rotation_class": "C", "grace_seconds": 30, "access_token_seconds": 60 });
    let changed = provider.put_client("fresh", &change).await;
    let changed: Value = changed.json().await.unwrap();

    assert_eq!(made["client_secret"].as_str().unwrap().len(), 43);
    let expected = json!({
        "client_id": "fresh",
        "client_secret": made["client_secret"],
        "redirect_uris": [REDIRECT_URI],
        "rotation_class": "C",
        "access_token_seconds": 60,
        "grace_seconds": 30,
        "revocation_reach": "grant",
        "issue_refresh_token": true,
        "require_pkce": true,
    });
    assert_eq!(changed, expected);
}

#[tokio::test]
async fn a_bad_client_is_told_what_is_allowed() {
    let provider = Provider::start().await;

    for (change, allowed) in [
        (
            json!({ "rotation_class": "E" }),
            "expected one of `A`, `B`, `C`, `D`",
        ),
        (
            json!({ "revocation_reach": "all" }),
            "`token`, `grant`, `project`",
        ),
        (
            json!({ "secret": "x" }),
            "unknown field `secret`, expected one of `client_secret`",
        ),
        (json!({ "grace_seconds": -1 }), "expected u32"),
        (json!({ "redirect_uris": ["/cb"] }), "absolute URIs"),
        (json!([]), "invalid length"),
    ] {
        let response = provider.put_client("demo", &change).await;

        assert_bad_request(response, allowed).await;
    }
}

#[tokio::test]
async fn a_bad_fault_is_told_what_is_allowed() {
    let provider = Provider::start().await;

    for (fault, allowed) in [
        (
            json!({ "endpoint": "jwks", "kind": "status" }),
            "unknown variant `jwks`, expected one of `token`, `userinfo`, `revoke`",
        ),
        (
            json!({ "endpoint": "token", "kind": "hang" }),
            "expected one of `status`, `delay`, `delay_after`, `drop_before`, `drop_after`",
        ),
        (json!({ "kind": "status" }), "missing field `endpoint`"),
        (
            json!({ "endpoint": "token", "kind": "status", "status": 99 }),
            "from 200 to 599",
        ),
        (
            json!({ "endpoint": "token", "kind": "status", "count": 0 }),
            "at least 1",
        ),
        (
            json!({ "endpoint": "token", "kind": "delay" }),
            "delay_ms above 0",
        ),
    ] {
        let response = provider.post_admin("/faults", &fault).await;

        assert_bad_request(response, allowed).await;
    }
}

#[tokio::test]
async fn a_bad_mobile_code_request_is_told_what_is_allowed() {
    let provider = Provider::start().await;

    for (body, allowed) in [
        (json!({ "client_id": "demo" }), "missing field `account`"),
        (
            json!({ "client_id": "demo", "account": "eve@example.test" }),
            ANN,
        ),
        (
            json!({ "client_id": "demo", "account": ANN, "scope": "\"" }),
            "printable ASCII",
        ),
    ] {
        let response = provider.post_admin("/mobile-codes", &body).await;

        assert_bad_request(response, allowed).await;
    }
}

#[tokio::test]
async fn a_mobile_code_of_an_unknown_client_is_not_found() {
    let provider = Provider::start().await;
    let body = json!({ "client_id": "unknown", "account": ANN });

    let response = provider.post_admin("/mobile-codes", &body).await;

    assert_eq!(response.status(), 404);
    let body: Value = response.json().await.unwrap();
    let expected = "unknown client `unknown`, make it with PUT /clients/{client_id} first";
    assert_eq!(body["message"], expected);
}

#[tokio::test]
async fn an_unknown_admin_route_lists_those_that_exist() {
    let provider = Provider::start().await;

    let unknown = provider.post_admin("/nothing", &json!({})).await;
    let wrong_method = provider.post_admin("/counters", &json!({})).await;

    for response in [unknown, wrong_method] {
        assert_eq!(response.status(), 404);
        let body: Value = response.json().await.unwrap();
        assert!(body["message"].as_str().unwrap().contains("GET /counters"));
    }
}

#[tokio::test]
async fn the_public_listener_has_no_admin_route() {
    let provider = Provider::start().await;

    assert_eq!(provider.get("/counters").await.status(), 404);
}

async fn assert_bad_request(response: reqwest::Response, allowed: &str) {
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"], "bad_request");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains(allowed), "{message}");
}
