//! `/auth/init` and `/auth/authcode`.

use std::time::Duration;

use workapi_errors::{Code, Error};

use super::backend::INTEGRATION_ID;
use super::stack::Stack;

#[tokio::test]
async fn an_authorization_starts_with_a_bare_uri() {
    let stack = Stack::start().await;
    let head = format!(
        "GET /auth/init/{INTEGRATION_ID}?return_to=https%3A%2F%2Fapp.example.test%2Fok%3Fa%3D1 HTTP/1.1"
    );

    let answer = stack.send(&head, "").await;

    insta::assert_snapshot!(answer);
    let message = &stack.backend.calls()[0].message;
    assert!(
        message.contains(r#"return_to: "https://app.example.test/ok?a=1""#),
        "{message}"
    );
}

#[tokio::test]
async fn a_browser_is_redirected_only_when_asked_for() {
    let stack = Stack::start().await;
    for query in ["", "?redirect=false", "?redirect=", "?redirects=true"] {
        let head = format!("GET /auth/init/{INTEGRATION_ID}{query} HTTP/1.1");
        assert_eq!(
            stack.send(&head, "").await.status_line,
            "HTTP/1.1 200 OK",
            "{query}"
        );
    }

    let head = format!("GET /auth/init/{INTEGRATION_ID}?redirect=true HTTP/1.1");
    let answer = stack.send(&head, "").await;

    insta::assert_snapshot!(answer);
}

#[tokio::test]
async fn a_query_without_a_clear_meaning_is_a_bad_request() {
    let stack = Stack::start().await;
    for query in ["redirect=yes", "return_to=a&return_to=b", "return_to=%ff"] {
        let head = format!("GET /auth/init/{INTEGRATION_ID}?{query} HTTP/1.1");

        let answer = stack.send(&head, "").await;

        assert_eq!(
            (answer.status(), answer.error().0.as_str()),
            (400, "bad_request_error")
        );
    }
    assert!(stack.backend.calls().is_empty());
}

#[tokio::test]
async fn a_missing_provider_config_is_401_with_its_own_code() {
    let stack = Stack::start().await;
    let code = Code::RemoteAuthorizationMissing;
    stack.backend.fail_next(Error::new(
        code,
        "the environment has no provider config for gmail",
    ));

    let answer = stack
        .send(&format!("GET /auth/init/{INTEGRATION_ID} HTTP/1.1"), "")
        .await;

    insta::assert_snapshot!(answer);
}

#[tokio::test]
async fn a_code_from_a_device_connects_and_may_take_its_time() {
    let stack = Stack::start().await;
    let head = format!(
        "POST /auth/authcode/{INTEGRATION_ID} HTTP/1.1\ncontent-type: application/x-www-form-urlencoded"
    );

    let answer = stack.send(&head, "code=4%2F0Adevice&unknown=1").await;

    insta::assert_snapshot!(answer);
    let call = stack.backend.calls().remove(0);
    assert!(
        call.message.contains(r#"code: "4/0Adevice""#),
        "{}",
        call.message
    );
    assert!(
        call.remaining > Duration::from_secs(40),
        "{:?}",
        call.remaining
    );
}

#[tokio::test]
async fn only_a_form_with_one_code_is_taken() {
    let stack = Stack::start().await;
    let form = "application/x-www-form-urlencoded";
    let cases = [
        (form, "", 400),
        (form, "code=", 400),
        (form, "code=1&code=2", 400),
        (form, "state=1", 400),
        (form, "code=%ff", 400),
        ("application/json", r#"{"code":"1"}"#, 415),
        ("", "code=1", 415),
    ];
    for (content_type, body, status) in cases {
        let head =
            format!("POST /auth/authcode/{INTEGRATION_ID} HTTP/1.1\ncontent-type: {content_type}");

        let answer = stack.send(&head, body).await;

        assert_eq!(answer.status(), status, "{content_type} {body}");
        answer.error();
    }
    assert!(stack.backend.calls().is_empty());
}
