//! The calls of the Ruby SDK about integrations (wire contract section 7), whole answers.

use workapi_tests::Stack;

use super::sdk::{self, Ruby, integration_body, shown};

#[tokio::test]
async fn create_integration_answers_201_without_an_account() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let service = Ruby::new(&stack, &user.token);

    let answer = service
        .call("POST /integrations", &integration_body("gcal", "event"))
        .await;
    let without_media_type = service
        .call("POST /integrations", &integration_body("gmail", ""))
        .await;

    insta::assert_snapshot!(shown(&answer), @r#"
    HTTP/1.1 201 Created
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":{"id":"[id]","type":"integration","attributes":{"provider":"gcal","provider_id":null,"media_type":"event"}}}
    "#);
    assert_eq!(
        without_media_type.json()["data"]["attributes"]["media_type"],
        "email"
    );
}

#[tokio::test]
async fn list_integrations_answers_an_array_in_the_order_of_creation() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let service = Ruby::new(&stack, &user.token);

    let none = service.call("GET /integrations", "").await;
    let mut ids = Vec::new();
    for provider in ["gmail", "gcal", "gdrive", "gmail"] {
        let created = service
            .call("POST /integrations", &integration_body(provider, ""))
            .await;
        ids.push(sdk::id(&created));
    }
    let several = service.call("GET /integrations", "").await;

    insta::assert_snapshot!(shown(&none), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":[]}
    "#);
    insta::assert_snapshot!(shown(&several), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":[{"id":"[id]","type":"integration","attributes":{"provider":"gmail","provider_id":null,"media_type":"email"}},{"id":"[id]","type":"integration","attributes":{"provider":"gcal","provider_id":null,"media_type":"event"}},{"id":"[id]","type":"integration","attributes":{"provider":"gdrive","provider_id":null,"media_type":"file"}},{"id":"[id]","type":"integration","attributes":{"provider":"gmail","provider_id":null,"media_type":"email"}}]}
    "#);
    let listed = several.json()["data"].as_array().unwrap().clone();
    let listed: Vec<_> = listed.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn a_connected_integration_shows_its_account() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let connected = user.connect("email", "ann@example.test").await;

    let answer = Ruby::new(&stack, &user.token)
        .call("GET /integrations", "")
        .await;

    insta::assert_snapshot!(shown(&answer), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":[{"id":"[id]","type":"integration","attributes":{"provider":"sandbox","provider_id":"ann@example.test","media_type":"email"}}]}
    "#);
    assert_eq!(answer.json()["data"][0]["id"], connected);
}

/// The SDK sends `""` for what is not set: only one of the two is to change.
#[tokio::test]
async fn modify_integration_leaves_what_is_empty_as_it_is() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let service = Ruby::new(&stack, &user.token);
    let id = user.create_integration("sandbox", "file").await;
    let request = format!("PUT /integrations/{id}");
    let body = |provider: &str, media_type: &str| {
        format!(
            r#"{{"data":{{"attributes":{{"provider":"{provider}","media_type":"{media_type}"}},"type":"integration","id":"{id}"}}}}"#
        )
    };

    let media_type_set = service.call(&request, &body("", "email")).await;
    let provider_set = service.call(&request, &body("gmail", "")).await;
    let nothing_set = service.call(&request, &body("", "")).await;

    insta::assert_snapshot!(shown(&media_type_set), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":{"id":"[id]","type":"integration","attributes":{"provider":"sandbox","provider_id":null,"media_type":"email"}}}
    "#);
    for answer in [provider_set, nothing_set] {
        assert_eq!(answer.status_line, "HTTP/1.1 200 OK");
        assert_eq!(
            answer.json()["data"]["attributes"],
            serde_json::json!({"provider": "gmail", "provider_id": null, "media_type": "email"})
        );
    }
}

#[tokio::test]
async fn destroy_integration_is_no_content_and_then_not_found() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let service = Ruby::new(&stack, &user.token);
    let id = user.create_integration("sandbox", "file").await;
    // Old SDKs named the integration twice.
    let request = format!("DELETE /integrations/{id}?integration_id={id}");

    let deleted = service.call(&request, "").await;
    let again = service.call(&request, "").await;

    insta::assert_snapshot!(shown(&deleted), @r#"
    HTTP/1.1 204 No Content
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    "#);
    insta::assert_snapshot!(shown(&again), @r#"
    HTTP/1.1 404 Not Found
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"errors":[{"code":"not_found_error","detail":"the remote resource could not be found: "}]}
    "#);
}

#[tokio::test]
async fn auth_integration_answers_a_bare_uri() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let service = Ruby::new(&stack, &user.token);
    let id = user.create_integration("sandbox", "email").await;
    let request = format!("GET /auth/init/{id}?return_to=http%3A%2F%2Flocalhost%3A3000%2Fdone");

    let answer = service.call(&request, "").await;

    insta::assert_snapshot!(shown(&answer), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"uri":"[uri]"}
    "#);
}

#[tokio::test]
async fn auth_integration_without_a_client_at_the_provider_answers_401() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("gmail", "email").await;
    let request = format!("GET /auth/init/{id}?return_to=http%3A%2F%2Flocalhost%3A3000");

    let answer = Ruby::new(&stack, &user.token).call(&request, "").await;

    let (code, detail) = answer.error();
    assert_eq!(answer.status_line, "HTTP/1.1 401 Unauthorized");
    assert_eq!(code, "remote_authorization_missing_error");
    assert!(
        detail.starts_with("credentials for underlying API have not been provided: "),
        "{detail}"
    );
}
