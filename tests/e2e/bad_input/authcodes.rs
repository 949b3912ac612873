//! Codes of devices that are none.

use workapi_tests::Stack;

use super::{NOTHING, refusal, states_used};

const FORM: &str = "application/x-www-form-urlencoded";
const BAD: &str = "400 bad_request_error";

#[tokio::test]
async fn only_a_form_with_one_code_is_taken() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let unsupported = "415 unsupported_media_type_error";
    let too_long = format!("code={}", "a".repeat(4097));
    let cases = [
        (FORM, "", BAD),
        (FORM, "code", BAD),
        (FORM, "code=", BAD),
        (FORM, "code=1&code=2", BAD),
        (FORM, "code=1&c%6Fde=2", BAD),
        (FORM, "code=%ff", BAD),
        (FORM, "Code=1", BAD),
        (FORM, "state=1&error=access_denied", BAD),
        (FORM, r#"{"code":"1"}"#, BAD),
        (FORM, &too_long, BAD),
        ("application/json", r#"{"code":"1"}"#, unsupported),
        ("application/vnd.api+json", "code=1", unsupported),
        ("multipart/form-data; boundary=x", "code=1", unsupported),
        ("text/plain", "code=1", unsupported),
        ("", "code=1", unsupported),
    ];
    let before = stack.written().await;

    for (content_type, body, expected) in cases {
        let head = format!(
            "POST /auth/authcode/{id} HTTP/1.1\nauthorization: Bearer {}\ncontent-type: {content_type}",
            user.token
        );

        let answer = stack.send(&head, body).await;

        assert_eq!(refusal(&answer), expected, "{content_type} {body}");
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn an_unknown_code_connects_nothing_and_says_exchange_failed() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let before = stack.written().await;

    for code in [
        "unknown",
        "%00",
        "a%26code%3Db",
        "%C3%A9",
        &"a".repeat(4096),
    ] {
        let head = format!(
            "POST /auth/authcode/{id} HTTP/1.1\nauthorization: Bearer {}\ncontent-type: {FORM}",
            user.token
        );

        let answer = stack.send(&head, &format!("code={code}")).await;

        assert_eq!(refusal(&answer), BAD, "{code}");
        let (_, detail) = answer.error();
        assert!(detail.starts_with("exchange_failed: "), "{detail}");
    }

    // That a code was tried is remembered, so that it is not tried twice.
    assert_eq!(states_used(&stack.changes_since(&before).await), 5);
    assert_eq!(stack.count("exchanges").await, 0);
}
