//! Bodies that are not the JSON:API document that was asked for.

use serde_json::{Value, json};
use workapi_testkit::http::send_raw;
use workapi_tests::Stack;

use super::{NOTHING, refusal};

const BAD: &str = "400 bad_request_error";
const NO_ENVIRONMENT: &str = "404 environment_not_found_error";

/// Bodies that are wrong for every resource.
fn malformed() -> Vec<String> {
    let deep = "[".repeat(10_000);
    let deep_member = format!(r#"{{"data":{{"type":"user","x":{deep}"#);
    [
        "",
        " ",
        "not JSON",
        "null",
        "true",
        "1",
        "\"data\"",
        "[]",
        "{",
        "{}}",
        "{} {}",
        "{'data':{}}",
        "{data:{}}",
        r#"{"data":{"type":"user"},}"#,
        r#"{"data":1}"#,
        r#"{"data":"user"}"#,
        r#"{"data":[]}"#,
        r#"{"data":[{"type":"user"},{"type":"integration"}]}"#,
        r#"{"data":["1","user",{}]}"#,
        r#"{"data":{}}"#,
        r#"{"data":{"type":null}}"#,
        r#"{"data":{"type":1}}"#,
        r#"{"data":{"type":""}}"#,
        r#"{"data":{"type":"users"}}"#,
        r#"{"data":{"type":"User"}}"#,
        r#"{"data":{"type":"integrations"}}"#,
        r#"{"data":{"type":"email"}}"#,
        r#"{"data":{"attributes":{}}}"#,
        r#"{"data":{"type":"user","type":"integration"}}"#,
        r#"{"data":{"type":"user"},"data":{"type":"integration"}}"#,
        "\u{feff}{}",
        "data=1",
        "<data/>",
        &deep,
        &deep_member,
    ]
    .map(str::to_owned)
    .to_vec()
}

#[tokio::test]
async fn a_body_that_is_no_document_is_400_everywhere() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    let id = user.create_integration("gmail", "email").await;
    let apt = environment.apt(Some("cust-9041"));
    let calls = [
        ("POST /users", &apt),
        ("POST /users/reauth", &apt),
        ("POST /integrations", &user.token),
        (&format!("PUT /integrations/{id}"), &user.token),
    ];
    let before = stack.written().await;

    for (request, token) in calls {
        for body in malformed() {
            let answer = stack.send_as(token, request, &body).await;

            assert_eq!(refusal(&answer), BAD, "{request} {body}");
        }
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn attributes_of_the_wrong_kind_are_400() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    let id = user.create_integration("gmail", "email").await;
    let attributes = [
        json!("gmail"),
        json!(["gmail", "email"]),
        json!({"provider": 1}),
        json!({"provider": ["gmail"]}),
        json!({"provider": {"name": "gmail"}}),
        json!({"provider": true}),
        json!({"provider": "gmail", "media_type": 1}),
        json!({"provider": "gmail", "media_type": ["email"]}),
    ];
    let before = stack.written().await;

    for attributes in attributes {
        let body = json!({"data": {"type": "integration", "attributes": attributes}}).to_string();
        for request in [
            "POST /integrations".to_owned(),
            format!("PUT /integrations/{id}"),
        ] {
            let answer = stack.send_as(&user.token, &request, &body).await;

            assert_eq!(refusal(&answer), BAD, "{request} {body}");
        }
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn a_body_without_data_is_400_for_integrations_and_names_no_environment_for_users() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    let id = user.create_integration("gmail", "email").await;
    let apt = environment.apt(Some("cust-9041"));
    let before = stack.written().await;

    for body in ["{}", r#"{"data":null}"#, r#"{"meta":{}}"#] {
        for request in [
            "POST /integrations".to_owned(),
            format!("PUT /integrations/{id}"),
        ] {
            let answer = stack.send_as(&user.token, &request, body).await;
            assert_eq!(refusal(&answer), BAD, "{request} {body}");
        }
        for request in ["POST /users", "POST /users/reauth"] {
            let answer = stack.send_as(&apt, request, body).await;
            assert_eq!(refusal(&answer), NO_ENVIRONMENT, "{request} {body}");
        }
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn a_guid_is_the_canonical_one_of_an_environment_or_names_none() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let apt = environment.apt(None);
    let guid = &environment.guid;
    let guids = [
        json!(null),
        json!(""),
        json!("not a guid"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10"),
        json!(guid.to_uppercase()),
        json!(guid.replace('-', "")),
        json!(format!("{{{guid}}}")),
        json!(format!("urn:uuid:{guid}")),
        json!(format!(" {guid}")),
        json!(format!("{guid}\0")),
        json!("' OR 1=1 --"),
    ];
    let before = stack.written().await;

    for guid in guids {
        let attributes = json!({"arbitrary_id": "cust-9041", "environment_guid": guid});
        let body = json!({"data": {"type": "user", "attributes": attributes}}).to_string();
        for request in ["POST /users", "POST /users/reauth"] {
            let answer = stack.send_as(&apt, request, &body).await;

            assert_eq!(refusal(&answer), NO_ENVIRONMENT, "{request} {body}");
        }
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn an_arbitrary_id_is_any_text_of_1_to_255_bytes() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let create = async |arbitrary_id: &Value| {
        let attributes =
            json!({"arbitrary_id": arbitrary_id, "environment_guid": environment.guid});
        let body = json!({"data": {"type": "user", "attributes": attributes}}).to_string();
        let apt = environment.apt(None);
        stack.send_as(&apt, "POST /users", &body).await
    };
    let refused = [
        json!(null),
        json!(""),
        json!("a".repeat(256)),
        json!("é".repeat(128)),
        json!("a\0b"),
        json!(9041),
        json!(["cust-9041"]),
        json!({"id": "cust-9041"}),
    ];
    let accepted = [
        json!("a".repeat(255)),
        json!("é".repeat(127)),
        json!("ann@example.test"),
        json!("' OR 1=1 --"),
        json!("<b>\"a\\b\"</b>"),
        json!(" \r\n\t\u{202e}"),
        json!("日本語 👩‍🚀"),
    ];
    let before = stack.written().await;

    for arbitrary_id in &refused {
        assert_eq!(refusal(&create(arbitrary_id).await), BAD, "{arbitrary_id}");
    }
    assert_eq!(stack.changes_since(&before).await, NOTHING);
    for arbitrary_id in &accepted {
        let answer = create(arbitrary_id).await;

        assert_eq!(answer.status_line, "HTTP/1.1 201 Created", "{arbitrary_id}");
        assert_eq!(
            &answer.json()["data"]["attributes"]["arbitrary_id"],
            arbitrary_id
        );
    }
}

#[tokio::test]
async fn a_body_that_is_not_utf_8_is_400() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let before = stack.written().await;
    let body = b"{\"data\":{\"type\":\"integration\",\"attributes\":{\"provider\":\"\xff\xfe\"}}}";
    let head = format!(
        "POST /integrations HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\
         authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        user.token,
        body.len()
    );

    let answer = send_raw(stack.rest_addr(), &[head.as_bytes(), body].concat()).await;

    assert_eq!(refusal(&answer), BAD);
    assert_eq!(stack.changes_since(&before).await, NOTHING);
}
