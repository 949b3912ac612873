//! Every error has the document that the SDKs read, whatever goes wrong.

use std::fmt::Write;
use std::time::Duration;

use workapi_errors::{Code, Error};
use workapi_testkit::http::send;

use super::backend::INTEGRATION_ID;
use super::stack::Stack;

#[tokio::test]
async fn every_kind_of_refusal_is_the_same_document() {
    let stack = Stack::start().await;
    let requests = [
        "GET /nowhere HTTP/1.1",
        "GET /users/ HTTP/1.1",
        "GET /users/reauth HTTP/1.1",
        "PATCH /integrations HTTP/1.1",
        "OPTIONS /integrations HTTP/1.1",
        "POST /auth/callback HTTP/1.1",
        "POST /integrations HTTP/1.1\ncontent-type: text/plain",
    ];
    let mut shown = String::new();
    for head in requests {
        let answer = stack.send(head, "").await;
        answer.error();
        writeln!(shown, "> {head}\n{answer}\n").unwrap();
    }

    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn a_request_without_a_token_is_challenged() {
    let stack = Stack::start().await;
    let missing = [
        "GET /users/me HTTP/1.1",
        "GET /users/me HTTP/1.1\nauthorization: Bearer ",
        "GET /users/me HTTP/1.1\nauthorization: Bearer",
        "GET /users/me HTTP/1.1\nauthorization: Basic YTpi",
        "GET /users/me?access_token=x HTTP/1.1",
    ];
    for head in missing {
        let answer = send(stack.rest, head, "").await;

        assert_eq!(
            (answer.status(), answer.error().0.as_str()),
            (401, "invalid_token_error"),
            "{head}"
        );
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{head}");
    }
    let refused = send(
        stack.rest,
        "GET /users/me HTTP/1.1\nauthorization: Bearer x",
        "",
    )
    .await;
    insta::assert_snapshot!(refused);
}

#[tokio::test]
async fn every_code_of_a_service_becomes_its_http_answer() {
    let stack = Stack::start().await;
    let mut shown = String::new();
    for &code in Code::ALL {
        stack.backend.fail_next(Error::new(code, "some words"));

        let answer = stack.send("GET /integrations HTTP/1.1", "").await;

        assert_eq!(
            answer.error(),
            (
                code.as_str().to_owned(),
                format!("{}: some words", code.sentence())
            )
        );
        let extra = ["retry-after", "www-authenticate", "allow"]
            .map(|name| answer.header(name).unwrap_or("-"));
        let extra = extra.join(" ");
        writeln!(
            shown,
            "{} {code} {extra}",
            answer.status_line,
            code = code.as_str()
        )
        .unwrap();
    }

    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn the_words_of_a_foreign_fault_stay_inside() {
    let stack = Stack::start().await;
    stack
        .backend
        .fail_next(tonic::Status::internal("SELECT secret FROM table"));

    let answer = stack.send("GET /integrations HTTP/1.1", "").await;

    insta::assert_snapshot!(answer);
}

#[tokio::test]
async fn a_service_that_is_away_is_503_with_retry_after() {
    let mut stack = Stack::start().await;
    assert_eq!(
        stack.send("GET /integrations HTTP/1.1", "").await.status(),
        200
    );
    stack.stop_backend().await;

    let answer = stack.send("GET /integrations HTTP/1.1", "").await;

    insta::assert_snapshot!(answer);
}

#[tokio::test]
async fn the_delay_of_a_service_is_passed_on_in_whole_seconds() {
    let stack = Stack::start().await;
    stack
        .backend
        .fail_next(Error::unavailable("", Duration::from_millis(2_500)));

    let answer = stack
        .send(&format!("GET /auth/init/{INTEGRATION_ID} HTTP/1.1"), "")
        .await;

    assert_eq!(
        (answer.status(), answer.header("retry-after")),
        (503, Some("3"))
    );
}

#[tokio::test]
async fn every_answer_can_be_found_in_the_log_and_by_caches_told_apart() {
    let stack = Stack::start().await;
    let heads = [
        "GET /health HTTP/1.1\nx-request-id: chosen-by-the-client",
        "GET /nowhere HTTP/1.1",
        "GET /schema.json HTTP/1.1",
        "GET /auth/callback HTTP/1.1",
        "DELETE /users/me HTTP/1.1",
    ];
    for head in heads {
        let answer = stack.send(head, "").await;

        let id = answer.header("x-request-id").unwrap();
        assert!(uuid::Uuid::try_parse(id).is_ok(), "{head}");
        assert_eq!(answer.header("vary"), Some("Origin"), "{head}");
    }
}

#[tokio::test]
async fn odd_targets_get_an_answer_too() {
    let stack = Stack::start().await;
    let cases = [
        ("GET http://gateway.test/health HTTP/1.1", 200),
        (
            "GET /health?ids[]=a&date=2024-05-02T09:00:00+01:00&x=%&y=%ff HTTP/1.1",
            200,
        ),
        ("HEAD /health HTTP/1.1", 200),
        ("GET //health HTTP/1.1", 404),
        ("GET /%ff HTTP/1.1", 404),
        ("GET /users/me/ HTTP/1.1", 404),
        ("OPTIONS * HTTP/1.1", 404),
        ("BREW /health HTTP/1.1", 405),
    ];
    for (head, status) in cases {
        let answer = stack.send(head, "").await;

        assert_eq!(answer.status(), status, "{head}");
        if status != 200 {
            answer.error();
        }
    }
}
