//! Ids of every wrong shape, and ids of others: what is not there for a user is 404.

use serde_json::json;
use workapi_testkit::eventually;
use workapi_tests::{Stack, UserSession};

use super::{NOTHING, refusal};

const NOT_FOUND: &str = "404 not_found_error";

/// Makes every call that names an integration, and checks that each is answered 404.
async fn assert_not_found(stack: &Stack, user: &UserSession, id: &str) {
    let body = r#"{"data":{"type":"integration","attributes":{"provider":"gcal"}}}"#;
    let form = "content-type: application/x-www-form-urlencoded";
    let authorization = format!("authorization: Bearer {}", user.token);
    let calls = [
        (
            format!("GET /integrations/{id} HTTP/1.1\n{authorization}"),
            "",
        ),
        (
            format!("PUT /integrations/{id} HTTP/1.1\n{authorization}"),
            body,
        ),
        (
            format!("DELETE /integrations/{id} HTTP/1.1\n{authorization}"),
            "",
        ),
        (format!("GET /auth/init/{id} HTTP/1.1\n{authorization}"), ""),
        (
            format!("POST /auth/authcode/{id} HTTP/1.1\n{authorization}\n{form}"),
            "code=1",
        ),
    ];
    for (head, body) in calls {
        let answer = stack.send(&head, body).await;

        assert_eq!(refusal(&answer), NOT_FOUND, "{head}");
    }
}

#[tokio::test]
async fn an_id_of_another_shape_is_not_found() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("gmail", "email").await;
    let ids = [
        id.to_uppercase(),
        id[..23].to_owned(),
        format!("{id}0"),
        format!("{id}%00"),
        format!("{id}%20"),
        format!("%20{id}"),
        format!("{id}%0A"),
        format!("{id}="),
        format!("{id}/"),
        format!("{id}%2F"),
        format!("{id}.json"),
        format!("0x{}", &id[2..]),
        "me".to_owned(),
        "0".to_owned(),
        "-1".to_owned(),
        "*".to_owned(),
        "%".to_owned(),
        "%ff".to_owned(),
        "%F0%9F%92%A9".to_owned(),
        "..".to_owned(),
        "..%2F..%2Fusers%2Fme".to_owned(),
        "'%20OR%201=1%20--".to_owned(),
        "zzzzzzzzzzzzzzzzzzzzzzzz".to_owned(),
        "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10".to_owned(),
        // A composite id, as mailboxes and events have.
        "NjRiN2YwYzJhMWQzZTRmNWE2YjdjOGQ5OklOQk9Y".to_owned(),
        "a".repeat(8 * 1024),
        "000000000000000000000000".to_owned(),
        String::new(),
    ];
    let before = stack.written().await;

    for id in ids {
        assert_not_found(&stack, &user, &id).await;
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn the_integrations_of_others_are_not_found() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let application = stack.application(&environment);
    let user = application.create_user("cust-9041").await;
    let neighbour = application.create_user("cust-9042").await;
    let stranger = stack.user().await;
    let of_neighbour = neighbour.create_integration("sandbox", "email").await;
    let of_stranger = stranger.create_integration("sandbox", "email").await;
    let deleted = user.create_integration("sandbox", "email").await;
    user.delete(&deleted).await;
    eventually("the end of the deletion", async || {
        let tombstone: Option<i32> = sqlx::query_scalar("SELECT 1 FROM tombstone")
            .fetch_optional(stack.vault_database())
            .await
            .unwrap();
        tombstone
    })
    .await;
    let before = stack.written().await;

    for id in [of_neighbour, of_stranger, deleted, user.id.clone()] {
        assert_not_found(&stack, &user, &id).await;
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn an_id_in_a_body_is_the_one_in_the_path() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("gmail", "email").await;
    let other = user.create_integration("gmail", "email").await;
    let before = stack.written().await;

    for named in [
        json!(other),
        json!(id.to_uppercase()),
        json!("1"),
        json!(1),
        json!({}),
    ] {
        let attributes = json!({"provider": "gcal", "media_type": "event"});
        let data = json!({"type": "integration", "id": named, "attributes": attributes});
        let body = json!({ "data": data }).to_string();

        let answer = stack
            .send_as(&user.token, &format!("PUT /integrations/{id}"), &body)
            .await;

        assert_eq!(refusal(&answer), "400 bad_request_error", "{named}");
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}
