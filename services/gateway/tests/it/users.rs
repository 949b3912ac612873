//! `/users`, as the SDKs call it.

use workapi_errors::Error;

use super::stack::{Stack, apt};

const BODY: &str = r#"{"data":{"type":"user","attributes":{"arbitrary_id":"cust-9041","environment_guid":"3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10"}}}"#;

#[tokio::test]
async fn a_user_is_created_with_the_apt_of_the_caller() {
    let stack = Stack::start().await;

    let answer = stack.send_with_apt("POST /users HTTP/1.1", BODY).await;

    insta::assert_snapshot!(answer);
    let call = stack.backend.calls().remove(0);
    insta::assert_snapshot!(call.message, @r#"CreateUserRequest { environment_guid: "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10", arbitrary_id: "cust-9041" }"#);
    assert_eq!(call.authorization, Some(format!("Bearer {}", apt())));
}

#[tokio::test]
async fn reauth_answers_201_like_the_original() {
    let stack = Stack::start().await;

    let answer = stack
        .send_with_apt("POST /users/reauth HTTP/1.1", BODY)
        .await;

    assert_eq!(answer.status_line, "HTTP/1.1 201 Created");
    assert!(
        stack.backend.calls()[0]
            .message
            .starts_with("ReauthUserRequest")
    );
}

#[tokio::test]
async fn a_user_gets_a_fresh_token() {
    let stack = Stack::start().await;

    // A Content-Type without a body is what the Kotlin SDK sends.
    let head = "GET /users/me HTTP/1.1\ncontent-type: application/vnd.api+json";
    let answer = stack.send(head, "").await;

    insta::assert_snapshot!(answer);
    let call = stack.backend.calls().remove(0);
    assert_eq!(
        call.authorization,
        Some(format!("Bearer {}", stack.key.token()))
    );
}

#[tokio::test]
async fn a_user_is_deleted_with_a_user_token_or_an_apt() {
    let stack = Stack::start().await;

    let with_token = stack.send("DELETE /users/me HTTP/1.1", "").await;
    let with_apt = stack.send_with_apt("DELETE /users/me HTTP/1.1", "").await;

    insta::assert_snapshot!(with_token);
    assert_eq!(with_apt.status_line, "HTTP/1.1 204 No Content");
    assert_eq!(stack.backend.calls().len(), 2);
}

#[tokio::test]
async fn a_conflict_is_told_in_the_words_of_the_owner() {
    let stack = Stack::start().await;
    let code = workapi_errors::Code::UserAlreadyExists;
    stack.backend.fail_next(Error::new(code, "cust-9041"));

    let answer = stack.send_with_apt("POST /users HTTP/1.1", BODY).await;

    insta::assert_snapshot!(answer);
}

/// Interfaces section 6: the shape of the APT, then JSON, then the environment.
#[tokio::test]
async fn what_is_wrong_first_is_told_first() {
    let stack = Stack::start().await;
    let apt = format!("authorization: Bearer {}", apt());
    let user_token = format!("authorization: Bearer {}", stack.key.token());
    let no_guid =
        r#"{"data":{"type":"user","attributes":{"arbitrary_id":"x","environment_guid":""}}}"#;
    let no_attributes = r#"{"data":{"type":"user"}}"#;
    let wrong_type = BODY.replace("\"user\"", "\"users\"");
    let cases = [
        ("", "not JSON", 401, "invalid_token_error"),
        (&user_token, "not JSON", 401, "invalid_token_error"),
        (&apt, "not JSON", 400, "bad_request_error"),
        (&apt, "", 400, "bad_request_error"),
        (&apt, "[]", 400, "bad_request_error"),
        (&apt, &wrong_type, 400, "bad_request_error"),
        (&apt, "{}", 404, "environment_not_found_error"),
        (&apt, r#"{"data":null}"#, 404, "environment_not_found_error"),
        (&apt, no_attributes, 404, "environment_not_found_error"),
        (&apt, no_guid, 404, "environment_not_found_error"),
    ];

    for path in ["/users", "/users/reauth"] {
        for (authorization, body, status, code) in cases {
            let head = format!("POST {path} HTTP/1.1\n{authorization}");
            let answer = stack.send_bare(head.trim_end(), body).await;

            assert_eq!(
                (answer.status(), answer.error().0.as_str()),
                (status, code),
                "{body}"
            );
        }
    }
    assert!(stack.backend.calls().is_empty());
}
