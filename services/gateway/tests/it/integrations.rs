//! `/integrations`, as the SDKs call it.

use workapi_errors::Error;

use super::backend::INTEGRATION_ID;
use super::stack::Stack;

#[tokio::test]
async fn an_integration_is_created() {
    let stack = Stack::start().await;
    let body = r#"{"data":{"type":"integration","attributes":{"provider":"gmail","media_type":"email","provider_id":"ignored","unknown":[1]}},"meta":{}}"#;

    let answer = stack.send("POST /integrations HTTP/1.1", body).await;

    insta::assert_snapshot!(answer);
    insta::assert_snapshot!(stack.backend.calls()[0].message, @r#"CreateIntegrationRequest { provider: "gmail", media_type: "email" }"#);
}

#[tokio::test]
async fn null_and_empty_both_mean_not_given() {
    let stack = Stack::start().await;
    let head = format!("PUT /integrations/{INTEGRATION_ID} HTTP/1.1");
    let ruby = format!(
        r#"{{"data":{{"attributes":{{"provider":"","media_type":"email"}},"type":"integration","id":"{INTEGRATION_ID}"}}}}"#
    );
    let kotlin = r#"{"data":{"type":"integration","id":null,"attributes":{"provider":null,"media_type":"email"}}}"#;

    let answers = [
        stack.send(&head, &ruby).await,
        stack.send(&head, kotlin).await,
    ];

    for (answer, call) in answers.iter().zip(stack.backend.calls()) {
        assert_eq!(answer.status_line, "HTTP/1.1 200 OK");
        assert_eq!(
            call.message,
            format!(
                r#"UpdateIntegrationRequest {{ id: "{INTEGRATION_ID}", provider: "", media_type: "email" }}"#
            )
        );
    }
}

#[tokio::test]
async fn integrations_are_listed_and_fetched() {
    let stack = Stack::start().await;

    let list = stack.send("GET /integrations HTTP/1.1", "").await;
    let one = stack
        .send(&format!("GET /integrations/{INTEGRATION_ID} HTTP/1.1"), "")
        .await;

    insta::assert_snapshot!(list);
    insta::assert_snapshot!(one);
}

#[tokio::test]
async fn an_integration_is_deleted_whatever_the_query_says() {
    let stack = Stack::start().await;
    let head = format!(
        "DELETE /integrations/{INTEGRATION_ID}?integration_id={INTEGRATION_ID}&ids[]=a&ids%5B%5D=%ff HTTP/1.1"
    );

    let answer = stack.send(&head, "").await;

    assert_eq!(answer.status_line, "HTTP/1.1 204 No Content");
    assert_eq!(
        (answer.header("content-type"), answer.body.as_str()),
        (None, "")
    );
}

#[tokio::test]
async fn an_id_of_the_wrong_shape_names_nothing() {
    let stack = Stack::start().await;
    for id in [
        "1",
        "64B7F0C2A1D3E4F5A6B7C8D9",
        "%ff",
        "%00",
        "a%2Fb",
        "NjRi=",
        "..",
        "%zz",
        "👾",
    ] {
        let answer = stack
            .send(&format!("GET /integrations/{id} HTTP/1.1"), "")
            .await;

        assert_eq!(
            (answer.status(), answer.error().0.as_str()),
            (404, "not_found_error"),
            "{id}"
        );
    }
    assert!(stack.backend.calls().is_empty());
}

#[tokio::test]
async fn a_body_that_makes_no_sense_is_a_bad_request() {
    let stack = Stack::start().await;
    let deep = "[".repeat(100_000);
    let bodies = [
        "",
        "{",
        "null",
        "{}",
        r#"{"data":[]}"#,
        r#"{"data":{"attributes":{}}}"#,
        r#"{"data":{"type":"user","attributes":{}}}"#,
        r#"{"data":{"type":"integration","attributes":{"provider":5}}}"#,
        r#"{"data":{"type":"integration","attributes":[]}}"#,
        "{\"data\":{\"type\":\"integration\",\"attributes\":{\"provider\":\"\u{0}\"}}}",
        &deep,
    ];

    for body in bodies {
        let answer = stack.send("POST /integrations HTTP/1.1", body).await;

        let shown = &body[..body.len().min(80)];
        assert_eq!(
            (answer.status(), answer.error().0.as_str()),
            (400, "bad_request_error"),
            "{shown}"
        );
    }
    assert!(stack.backend.calls().is_empty());
}

#[tokio::test]
async fn an_id_in_the_body_has_to_be_the_one_in_the_path() {
    let stack = Stack::start().await;
    let body = r#"{"data":{"type":"integration","id":"64b7f0c2a1d3e4f5a6b7c8aa","attributes":{"media_type":"email"}}}"#;

    let answer = stack
        .send(
            &format!("PUT /integrations/{INTEGRATION_ID} HTTP/1.1"),
            body,
        )
        .await;

    insta::assert_snapshot!(answer);
    assert!(stack.backend.calls().is_empty());
}

#[tokio::test]
async fn another_users_integration_is_not_there() {
    let stack = Stack::start().await;
    stack
        .backend
        .fail_next(Error::not_found("no such integration"));

    let answer = stack
        .send(&format!("GET /integrations/{INTEGRATION_ID} HTTP/1.1"), "")
        .await;

    insta::assert_snapshot!(answer);
}
