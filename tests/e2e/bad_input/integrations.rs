//! Integrations that can't be: what a provider has not, and what is connected already.

use workapi_testkit::http::Answer;
use workapi_tests::Stack;

use super::{NOTHING, refusal};

const BAD: &str = "400 bad_request_error";

fn body(provider: &str, media_type: &str) -> String {
    serde_json::json!({"data": {"type": "integration", "attributes": {
        "provider": provider, "media_type": media_type,
    }}})
    .to_string()
}

fn assert_detail(answer: &Answer, specifics: &str) {
    let detail = format!("the supplied request is invalid: {specifics}");
    assert_eq!(answer.error().1, detail);
}

#[tokio::test]
async fn an_unknown_provider_is_400_that_names_the_known_ones() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let before = stack.written().await;

    for provider in [
        "outlook",
        "Gmail",
        "gmail ",
        "gmail\0",
        "../gmail",
        "' OR 1=1 --",
    ] {
        for request in [
            "POST /integrations".to_owned(),
            format!("PUT /integrations/{id}"),
        ] {
            let answer = stack
                .send_as(&user.token, &request, &body(provider, "email"))
                .await;

            assert_eq!(refusal(&answer), BAD, "{request} {provider}");
            assert_detail(
                &answer,
                "the provider must be one of: gcal, gdrive, gmail, sandbox",
            );
        }
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn a_new_integration_needs_a_provider() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let before = stack.written().await;

    for body in [body("", ""), body("", "email")] {
        let answer = stack
            .send_as(&user.token, "POST /integrations", &body)
            .await;

        assert_eq!(refusal(&answer), BAD);
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn a_media_type_that_the_provider_has_not_is_400_that_names_those_it_has() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let before = stack.written().await;
    let cases = [
        ("gmail", "event", "email"),
        ("gcal", "file", "event"),
        ("gmail", "Email", "email"),
        ("gmail", "contact", "email"),
        ("sandbox", "crm", "email, event, file"),
        ("sandbox", "", "email, event, file"),
    ];
    for (provider, media_type, allowed) in cases {
        let answer = stack
            .send_as(
                &user.token,
                "POST /integrations",
                &body(provider, media_type),
            )
            .await;

        assert_eq!(refusal(&answer), BAD, "{provider} {media_type}");
        let (_, detail) = answer.error();
        assert!(detail.ends_with(&format!(": {allowed}")), "{detail}");
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn a_change_has_to_end_in_a_pair_that_there_is() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "file").await;
    let before = stack.written().await;

    for body in [body("gmail", ""), body("", "crm"), body("gcal", "email")] {
        let answer = stack
            .send_as(&user.token, &format!("PUT /integrations/{id}"), &body)
            .await;

        assert_eq!(refusal(&answer), BAD, "{body}");
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn a_connected_integration_keeps_provider_and_media_type() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", "ann@example.test").await;
    let before = stack.written().await;

    for body in [body("gmail", ""), body("", "event"), body("gcal", "event")] {
        let answer = stack
            .send_as(&user.token, &format!("PUT /integrations/{id}"), &body)
            .await;

        insta::allow_duplicates! {
            insta::assert_snapshot!(answer, @r#"
            HTTP/1.1 409 Conflict
            content-type: application/vnd.api+json
            x-request-id: [a UUID of 36 characters]
            vary: Origin
            cache-control: no-store
            content-length: 162

            {"errors":[{"code":"conflict_error","detail":"the request conflicts with the state of the resource: the integration is connected: delete it and create another"}]}
            "#);
        }
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn a_provider_without_a_client_can_not_be_authorized() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("gmail", "email").await;
    let authorization = format!("authorization: Bearer {}", user.token);
    let form = "content-type: application/x-www-form-urlencoded";
    let before = stack.written().await;
    let calls = [
        (format!("GET /auth/init/{id} HTTP/1.1\n{authorization}"), ""),
        (
            format!("GET /auth/init/{id}?redirect=true HTTP/1.1\n{authorization}"),
            "",
        ),
        (
            format!("POST /auth/authcode/{id} HTTP/1.1\n{authorization}\n{form}"),
            "code=1",
        ),
    ];
    for (head, body) in calls {
        let answer = stack.send(&head, body).await;

        assert_eq!(refusal(&answer), "401 remote_authorization_missing_error");
        // The token is fine, so it is not called invalid.
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}
