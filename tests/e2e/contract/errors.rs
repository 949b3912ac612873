//! Every error is `{"errors":[{"code","detail"}]}` with a reason phrase (wire contract sections
//! 3.3, 3.4 and 8; codes in interfaces section 6).

use sqlx::AssertSqlSafe;
use workapi_tests::Stack;

use super::sdk::{integration_body, shown};

#[tokio::test]
async fn every_kind_of_refusal_has_its_status_line_and_code() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = "64b7f0c2a1d3e4f5a6b7c8d9";
    let authcode = format!("POST /auth/authcode/{id}");
    let large = " ".repeat(1024 * 1024 + 1);
    let cases = [
        (
            "POST /integrations",
            "{",
            "400 Bad Request",
            "bad_request_error",
        ),
        (
            "POST /users",
            "{}",
            "401 Unauthorized",
            "invalid_token_error",
        ),
        (
            "GET /integrations/64b7f0c2a1d3e4f5a6b7c8d9",
            "",
            "404 Not Found",
            "not_found_error",
        ),
        ("GET /nowhere", "", "404 Not Found", "not_found_error"),
        ("GET /", "", "404 Not Found", "not_found_error"),
        (
            "GET /users",
            "",
            "405 Method Not Allowed",
            "method_not_allowed_error",
        ),
        (
            "POST /integrations",
            &large,
            "413 Payload Too Large",
            "payload_too_large_error",
        ),
        (
            &authcode,
            "code=1",
            "415 Unsupported Media Type",
            "unsupported_media_type_error",
        ),
    ];
    for (request, body, status, expected) in cases {
        let answer = stack.send_as(&user.token, request, body).await;

        assert_eq!(
            answer.status_line,
            format!("HTTP/1.1 {status}"),
            "{request}"
        );
        assert_eq!(answer.error().0, expected, "{request}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_names_the_right_ones() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let routes = [
        ("/users", "POST"),
        ("/users/reauth", "POST"),
        ("/users/me", "GET,HEAD,DELETE"),
        ("/integrations", "GET,HEAD,POST"),
        (
            "/integrations/64b7f0c2a1d3e4f5a6b7c8d9",
            "GET,HEAD,PUT,DELETE",
        ),
        ("/auth/init/64b7f0c2a1d3e4f5a6b7c8d9", "GET,HEAD"),
        ("/auth/authcode/64b7f0c2a1d3e4f5a6b7c8d9", "POST"),
    ];
    for (path, allowed) in routes {
        for method in ["PATCH", "OPTIONS", "BREW"] {
            let answer = stack
                .send_as(&user.token, &format!("{method} {path}"), "")
                .await;

            assert_eq!(answer.status(), 405, "{method} {path}");
            assert_eq!(answer.error().0, "method_not_allowed_error");
            let mut methods: Vec<_> = answer.header("allow").unwrap().split(',').collect();
            let mut expected: Vec<_> = allowed.split(',').collect();
            methods.sort_unstable();
            expected.sort_unstable();
            assert_eq!(methods, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn a_fault_of_ours_is_500_and_tells_nothing() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    sqlx::query(AssertSqlSafe("ALTER TABLE integration RENAME TO elsewhere"))
        .execute(stack.integrations_database())
        .await
        .unwrap();
    let body = integration_body("gmail", "email");
    let requests = [
        ("GET /integrations", ""),
        ("POST /integrations", &body),
        ("GET /integrations/64b7f0c2a1d3e4f5a6b7c8d9", ""),
        ("DELETE /users/me", ""),
    ];
    for (request, body) in requests {
        let answer = stack.send_as(&user.token, request, body).await;

        insta::allow_duplicates! {
            insta::assert_snapshot!(shown(&answer), @r#"
            HTTP/1.1 500 Internal Server Error
            content-type: application/vnd.api+json
            x-request-id: [a UUID of 36 characters]
            vary: Origin
            cache-control: no-store
            content-length: [that of the body]

            {"errors":[{"code":"internal_server_error","detail":"an internal error occurred: "}]}
            "#);
        }
    }
}
