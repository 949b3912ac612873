//! The calls of the Kotlin SDK (wire contract section 7), whole answers. It has a `content-type`
//! on every request, no `accept`, leaves out what is null, and retries whatever fails at once.

use workapi_testkit::http::Answer;
use workapi_tests::Stack;

use super::sdk::{self, Kotlin, shown};

#[tokio::test]
async fn users_fetch_and_refresh_token_answer_the_user() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;

    let answer = Kotlin::new(&stack, &user.token)
        .call("GET /users/me", "")
        .await;

    insta::assert_snapshot!(shown(&answer), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":{"id":"[id]","type":"user","attributes":{"arbitrary_id":"cust-9041","token":"[token]"}}}
    "#);
}

#[tokio::test]
async fn integrations_create_takes_a_body_without_nulls() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let client = Kotlin::new(&stack, &user.token);

    let created = client
        .call(
            "POST /integrations",
            r#"{"data":{"type":"integration","attributes":{"media_type":"email","provider":"gmail"}}}"#,
        )
        .await;
    let with_one_attribute = client
        .call(
            "POST /integrations",
            r#"{"data":{"type":"integration","attributes":{"provider":"gmail"}}}"#,
        )
        .await;

    insta::assert_snapshot!(shown(&created), @r#"
    HTTP/1.1 201 Created
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":{"id":"[id]","type":"integration","attributes":{"provider":"gmail","provider_id":null,"media_type":"email"}}}
    "#);
    assert_eq!(shown(&with_one_attribute), shown(&created));
}

#[tokio::test]
async fn integrations_list_and_fetch_answer_the_same_resource() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let client = Kotlin::new(&stack, &user.token);
    let id = user.create_integration("gcal", "event").await;

    let listed = client.call("GET /integrations", "").await;
    let fetched = client.call(&format!("GET /integrations/{id}"), "").await;

    insta::assert_snapshot!(shown(&fetched), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":{"id":"[id]","type":"integration","attributes":{"provider":"gcal","provider_id":null,"media_type":"event"}}}
    "#);
    assert_eq!(listed.json()["data"][0], fetched.json()["data"]);
}

/// The SDK sends back the whole resource, `provider_id` too once there is one.
#[tokio::test]
async fn integrations_update_takes_the_resource_that_was_fetched() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let client = Kotlin::new(&stack, &user.token);
    let id = user.connect("email", "ann@example.test").await;
    let fetched = client.call(&format!("GET /integrations/{id}"), "").await;

    let updated = client
        .call(&format!("PUT /integrations/{id}"), &fetched.body)
        .await;

    insta::assert_snapshot!(shown(&updated), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":{"id":"[id]","type":"integration","attributes":{"provider":"sandbox","provider_id":"ann@example.test","media_type":"email"}}}
    "#);
    assert_eq!(updated.body, fetched.body);
}

#[tokio::test]
async fn a_provider_id_in_a_body_is_ignored() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let client = Kotlin::new(&stack, &user.token);
    let body = r#"{"data":{"type":"integration","attributes":{"media_type":"event","provider":"gcal","provider_id":"eve@example.test"}}}"#;

    let created = client.call("POST /integrations", body).await;
    let request = format!("PUT /integrations/{}", sdk::id(&created));
    let updated = client.call(&request, body).await;

    assert_eq!(created.status_line, "HTTP/1.1 201 Created");
    assert_eq!(updated.status_line, "HTTP/1.1 200 OK");
    for answer in [created, updated] {
        let attributes = &answer.json()["data"]["attributes"];
        assert_eq!(attributes["provider_id"], serde_json::Value::Null);
    }
}

#[tokio::test]
async fn integrations_delete_answers_below_400() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let client = Kotlin::new(&stack, &user.token);
    let id = user.create_integration("gmail", "email").await;

    let deleted = client.call(&format!("DELETE /integrations/{id}"), "").await;

    insta::assert_snapshot!(shown(&deleted), @r#"
    HTTP/1.1 204 No Content
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    "#);
}

#[tokio::test]
async fn integrations_auth_needs_no_query() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let client = Kotlin::new(&stack, &user.token);
    let id = user.create_integration("sandbox", "email").await;

    let answer = client.call(&format!("GET /auth/init/{id}"), "").await;

    assert_eq!(answer.status_line, "HTTP/1.1 200 OK");
    let uri = answer.json()["uri"].as_str().unwrap().to_owned();
    let landing = user.browser().approve(&uri, "ann@example.test").await;
    assert_eq!((landing.status, landing.location), (200, None));
}

/// Its wrapper tries four times at once, on a 404 too; nothing locks it out.
#[tokio::test]
async fn a_burst_of_four_gets_four_equal_answers() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let client = Kotlin::new(&stack, &user.token);
    let request = "GET /integrations/64b7f0c2a1d3e4f5a6b7c8d9";

    let answers: [Answer; 4] =
        futures::future::join_all([(); 4].map(|()| client.call(request, "")))
            .await
            .try_into()
            .unwrap();

    insta::assert_snapshot!(shown(&answers[0]), @r#"
    HTTP/1.1 404 Not Found
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"errors":[{"code":"not_found_error","detail":"the remote resource could not be found: "}]}
    "#);
    for answer in &answers[1..] {
        assert_eq!(shown(answer), shown(&answers[0]));
    }
}
