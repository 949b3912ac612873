//! What is too large, too many or too slow.

use tokio::task::JoinHandle;
use workapi_errors::Code;
use workapi_testkit::http::{Answer, send, send_raw};

use super::backend::INTEGRATION_ID;
use super::stack::Stack;

const TEN_MEGABYTES: usize = 10 * 1024 * 1024;

fn post(stack: &Stack, path: &str, headers: &str) -> Vec<u8> {
    let token = stack.key.token();
    format!(
        "POST {path} HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\n{headers}\r\n\r\n"
    )
    .into_bytes()
}

/// The client reads the answer only after its last byte, as simple ones do.
#[tokio::test]
async fn ten_megabytes_are_refused_with_an_answer_that_arrives() {
    let stack = Stack::start().await;
    let mut with_length = post(
        &stack,
        "/integrations",
        &format!("content-length: {TEN_MEGABYTES}"),
    );
    with_length.resize(with_length.len() + TEN_MEGABYTES, b' ');
    let mut chunked = post(&stack, "/integrations", "transfer-encoding: chunked");
    for _ in 0..TEN_MEGABYTES / 0x10000 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.resize(chunked.len() + 0x10000, b' ');
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");

    for request in [with_length, chunked] {
        let answer = send_raw(stack.rest, &request).await;

        assert_eq!(answer.status_line, "HTTP/1.1 413 Payload Too Large");
        assert_eq!(answer.error().0, Code::PayloadTooLarge.as_str());
    }
    assert!(stack.backend.calls().is_empty());
}

#[tokio::test]
async fn nobody_is_cut_off_for_sending_a_body_that_nobody_reads() {
    let stack = Stack::start().await;
    let form = "application/x-www-form-urlencoded";
    let authcode = format!("/auth/authcode/{INTEGRATION_ID}");
    let cases = [
        ("/nowhere", "x-nothing: 1", 404),
        ("/health", "x-nothing: 1", 405),
        ("/users", "x-nothing: 1", 401),
        ("/integrations", "content-type: text/plain", 415),
        (&authcode, &format!("content-type: {form}"), 413),
    ];
    for (path, header, status) in cases {
        let mut request = post(
            &stack,
            path,
            &format!("content-length: {TEN_MEGABYTES}\r\n{header}"),
        );
        request.resize(request.len() + TEN_MEGABYTES, b' ');

        let answer = send_raw(stack.rest, &request).await;

        assert_eq!(answer.status(), status, "{path}");
        answer.error();
    }
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let stack = Stack::start().await;
    let headers = format!("content-length: {TEN_MEGABYTES}\r\nexpect: 100-continue");

    let answer = send_raw(stack.rest, &post(&stack, "/integrations", &headers)).await;

    insta::assert_snapshot!(answer);
}

#[tokio::test]
async fn a_body_just_within_the_limit_is_read() {
    let stack = Stack::start().await;
    let body = r#"{"data":{"type":"integration","attributes":{"provider":"gmail"}}}"#;
    let body = format!("{body}{}", " ".repeat(1024 * 1024 - body.len()));

    assert_eq!(
        stack
            .send("POST /integrations HTTP/1.1", &body)
            .await
            .status(),
        201
    );
    let answer = stack
        .send("POST /integrations HTTP/1.1", &format!("{body} "))
        .await;

    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn a_long_token_is_401_and_a_head_that_is_all_too_long_431() {
    let stack = Stack::start().await;
    let with_token = |length: usize| {
        format!(
            "GET /users/me HTTP/1.1\nauthorization: Bearer {}",
            "a".repeat(length)
        )
    };

    let long = send(stack.rest, &with_token(8 * 1024 + 1), "").await;
    let longer = send(stack.rest, &with_token(25 * 1024), "").await;

    assert_eq!(
        (long.status(), long.error().0.as_str()),
        (401, "invalid_token_error")
    );
    assert_eq!(
        longer.status_line,
        "HTTP/1.1 431 Request Header Fields Too Large"
    );
    assert_eq!(longer.error().0, "headers_too_large_error");
}

#[tokio::test]
async fn one_request_too_many_is_turned_away_at_once() {
    let stack = Stack::start_with(|config| config.max_concurrent_requests = 1).await;
    stack.backend.hang();
    let first = send_in_background(&stack, "GET /integrations HTTP/1.1").await;

    let second = stack.send("GET /health HTTP/1.1", "").await;
    stack.backend.release.notify_one();

    insta::assert_snapshot!(second);
    assert_eq!(first.await.unwrap().status(), 200);
}

#[tokio::test]
async fn one_browser_too_many_sees_a_page_and_keeps_nobody_else_out() {
    let stack = Stack::start_with(|config| config.max_concurrent_requests = 1).await;
    stack.backend.hang();
    let first = send_in_background(&stack, "GET /auth/callback HTTP/1.1").await;

    let second = stack.send("GET /auth/callback HTTP/1.1", "").await;
    let health = stack.send("GET /health HTTP/1.1", "").await;
    stack.backend.release.notify_one();

    let content_type = second.header("content-type");
    assert_eq!(
        (second.status(), content_type),
        (503, Some("text/html; charset=utf-8"))
    );
    assert_eq!(health.status(), 200);
    assert_eq!(first.await.unwrap().status(), 400);
}

/// Sends a request that hangs, and returns when it has reached the services.
async fn send_in_background(stack: &Stack, head: &str) -> JoinHandle<Answer> {
    let head = format!("{head}\nauthorization: Bearer {}", stack.key.token());
    let address = stack.rest;
    let answer = tokio::spawn(async move { send(address, &head, "").await });
    while stack.backend.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    answer
}

#[tokio::test]
async fn the_time_that_is_left_is_passed_on() {
    let stack = Stack::start().await;

    stack.send("GET /integrations HTTP/1.1", "").await;

    let remaining = stack.backend.calls()[0].remaining.as_secs_f64();
    assert!((10.0..15.0).contains(&remaining), "{remaining}");
}
