//! `/auth/callback`, as a browser calls it.

use std::time::Duration;

use workapi_errors::Error;
use workapi_proto::auth::v1::{AuthorizationOutcome as Outcome, CompleteAuthorizationResponse};
use workapi_testkit::http::Answer;

use super::stack::Stack;

const HEAD: &str = "GET /auth/callback?code=a-code&state=a-state HTTP/1.1";

fn ended(outcome: Outcome) -> CompleteAuthorizationResponse {
    CompleteAuthorizationResponse {
        outcome: outcome.into(),
        provider_display_name: "Gmail <b>".to_owned(),
        ..Default::default()
    }
}

fn assert_is_private_page(answer: &Answer) {
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_browser_goes_where_the_auth_service_sends_it() {
    let stack = Stack::start().await;
    stack.backend.complete_with(CompleteAuthorizationResponse {
        redirect_to: "https://app.example.test/ok?status=success#top".to_owned(),
        ..ended(Outcome::Success)
    });

    let answer = stack.send_bare(HEAD, "").await;

    insta::assert_snapshot!(answer);
    let call = stack.backend.calls().remove(0);
    insta::assert_snapshot!(call.message, @r#"CompleteAuthorizationRequest { code: Some("a-code"), state: Some("a-state"), error: None, iss: None, malformed: false }"#);
    assert_eq!(call.authorization, None);
    assert!(
        call.remaining > Duration::from_secs(40),
        "{:?}",
        call.remaining
    );
}

#[tokio::test]
async fn success_without_a_return_to_is_a_page() {
    let stack = Stack::start().await;
    stack.backend.complete_with(ended(Outcome::Success));

    let answer = stack.send_bare(HEAD, "").await;

    assert_eq!(answer.status_line, "HTTP/1.1 200 OK");
    assert_is_private_page(&answer);
    insta::assert_snapshot!(answer);
}

#[tokio::test]
async fn every_other_outcome_is_a_page_with_400_that_tells_what_to_do() {
    let stack = Stack::start().await;
    for number in 2.. {
        let Ok(outcome) = Outcome::try_from(number) else {
            break;
        };
        stack.backend.complete_with(ended(outcome));

        let answer = stack.send_bare(HEAD, "").await;

        assert_eq!(answer.status(), 400, "{outcome:?}");
        assert_is_private_page(&answer);
        assert!(
            answer.body.contains("onnect") && !answer.body.contains("<b>"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_fault_on_our_side_is_a_page_to_reload() {
    let mut stack = Stack::start().await;
    stack
        .backend
        .fail_next(Error::unavailable("redis", Duration::from_secs(7)));
    let unavailable = stack.send_bare(HEAD, "").await;
    stack.backend.fail_next(Error::internal());
    let internal = stack.send_bare(HEAD, "").await;
    stack.stop_backend().await;
    let gone = stack.send_bare(HEAD, "").await;

    assert_eq!(unavailable.header("retry-after"), Some("7"));
    for answer in [unavailable, internal, gone] {
        assert_eq!(answer.status_line, "HTTP/1.1 503 Service Unavailable");
        assert!(answer.header("retry-after").is_some());
        assert_is_private_page(&answer);
    }
}

#[tokio::test]
async fn odd_queries_reach_the_auth_service_as_malformed() {
    let stack = Stack::start().await;
    stack.backend.complete_with(ended(Outcome::InvalidRequest));
    for query in [
        "?state=s&state=t&code=1",
        "?code=%ff&state=s",
        "?error=a&error=b&state=s",
    ] {
        stack
            .send_bare(&format!("GET /auth/callback{query} HTTP/1.1"), "")
            .await;
    }
    for query in ["", "?", "?code", "?&&=&code=1&scope[]=a&scope[]=b"] {
        stack
            .send_bare(&format!("GET /auth/callback{query} HTTP/1.1"), "")
            .await;
    }

    let calls = stack.backend.calls();

    let malformed: Vec<_> = calls
        .iter()
        .map(|call| call.message.contains("malformed: true"))
        .collect();
    assert_eq!(malformed, [true, true, true, false, false, false, false]);
}

#[tokio::test]
async fn the_log_knows_the_route_and_nothing_of_the_query_or_the_token() {
    let recorder = workapi_telemetry::testing::record();
    let stack = Stack::start().await;
    let head = "GET /auth/callback?code=secret-code&state=secret-state HTTP/1.1";

    let answer = stack.send(head, "").await;

    let id = answer.header("x-request-id").unwrap();
    while !recorder.logs().contains(id) {
        tokio::task::yield_now().await;
    }
    let logs = recorder.logs();
    assert!(logs.contains("/auth/callback"));
    for secret in ["secret-code", "secret-state", &stack.key.token()] {
        assert!(!logs.contains(secret));
    }
}

#[tokio::test]
async fn looking_at_the_link_does_not_use_it_up() {
    let stack = Stack::start().await;

    let answer = stack.send_bare(&HEAD.replace("GET", "HEAD"), "").await;

    assert_eq!(
        (answer.status(), answer.header("allow")),
        (405, Some("GET"))
    );
    assert!(stack.backend.calls().is_empty());
}
