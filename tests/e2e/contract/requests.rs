//! Requests as the SDKs really write them: odd queries, header sets, bearers (wire contract
//! section 2, checklist in section 8).

use workapi_tests::Stack;

use super::sdk::{integration_body, shown};

#[tokio::test]
async fn a_query_that_nobody_asked_for_changes_nothing() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("gmail", "email").await;
    let queries = [
        "?ids[]=a&ids[]=b",
        "?ids%5B%5D=a&ids%5B%5D=b",
        "?date_from=2024-05-02T09:00:00+01:00&search_text=a%20b+c",
        "?page=2&limit=10&page=3",
        "?search_text=100%&x=%ff",
        "?",
        "?&&=&=x",
    ];
    for path in ["/users/me", "/integrations", &format!("/integrations/{id}")] {
        let plain = stack.send_as(&user.token, &format!("GET {path}"), "").await;
        for query in queries {
            let request = format!("GET {path}{query}");

            let answer = stack.send_as(&user.token, &request, "").await;

            assert_eq!(shown(&answer), shown(&plain), "{request}");
        }
    }
}

#[tokio::test]
async fn no_accept_is_needed_and_none_is_refused() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let plain = stack.send_as(&user.token, "GET /integrations", "").await;
    let headers = [
        "accept: application/vnd.api+json",
        "accept: text/html",
        "accept: application/vnd.api+json; ext=\"x\"",
        "accept: image/*;q=0",
        "accept:",
        "content-type: application/vnd.api+json",
        "content-type: multipart/form-data; boundary=x",
        "content-type: nonsense",
        "accept-encoding: gzip",
        "accept-language: x",
        "cookie: a=b",
        "origin: https://app.example.test",
    ];
    for header in headers {
        let request = format!(
            "GET /integrations HTTP/1.1\nauthorization: Bearer {}",
            user.token
        );

        let answer = stack.send(&format!("{request}\n{header}"), "").await;

        assert_eq!(answer.to_string(), plain.to_string(), "{header}");
    }
}

#[tokio::test]
async fn a_body_is_json_with_or_without_a_content_type() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let body = integration_body("gmail", "email");
    let content_types = [
        "x-nothing: 1",
        "content-type: application/vnd.api+json",
        "content-type: application/vnd.api+json; charset=utf-8",
        "content-type: application/json",
    ];
    for content_type in content_types {
        let head = format!(
            "POST /integrations HTTP/1.1\nauthorization: Bearer {}\n{content_type}",
            user.token
        );

        let answer = stack.send(&head, &body).await;

        assert_eq!(answer.status_line, "HTTP/1.1 201 Created", "{content_type}");
    }
}

#[tokio::test]
async fn a_bearer_followed_by_nothing_is_401() {
    let stack = Stack::start().await;
    let authorizations = [
        "authorization: Bearer ",
        "authorization: Bearer",
        "authorization:",
        "x-nothing: 1",
    ];
    for authorization in authorizations {
        let head = format!("GET /users/me HTTP/1.1\n{authorization}");

        let answer = stack.send(&head, "").await;

        insta::allow_duplicates! {
            insta::assert_snapshot!(shown(&answer), @r#"
            HTTP/1.1 401 Unauthorized
            content-type: application/vnd.api+json
            www-authenticate: Bearer
            x-request-id: [a UUID of 36 characters]
            vary: Origin
            cache-control: no-store
            content-length: [that of the body]

            {"errors":[{"code":"invalid_token_error","detail":"the supplied auth token is invalid: the request has no bearer token"}]}
            "#);
        }
    }
}

#[tokio::test]
async fn only_a_bearer_is_a_token() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let token = &user.token;
    let refused = [
        format!("authorization: Basic {token}"),
        format!("authorization: Token {token}"),
        format!("authorization: {token}"),
        format!("authorization: Bearer {token} x"),
        format!("authorization: Bearer {token}\nauthorization: Bearer {token}"),
        format!("x-authorization: Bearer {token}"),
        format!("cookie: token={token}"),
    ];
    for authorization in refused {
        let path = format!("/users/me?access_token={token}&token={token}");
        let head = format!("GET {path} HTTP/1.1\n{authorization}");

        let answer = stack.send(&head, "").await;

        assert_eq!(answer.status(), 401, "{authorization}");
        assert_eq!(answer.error().0, "invalid_token_error");
    }
}
