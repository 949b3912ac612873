//! `/integrations/{id}/status`.

use prost_types::Timestamp;
use workapi_errors::Error;
use workapi_proto::auth::v1::CredentialStatus;

use super::backend::INTEGRATION_ID;
use super::stack::Stack;

fn head() -> String {
    format!("GET /integrations/{INTEGRATION_ID}/status HTTP/1.1")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp {
        seconds,
        nanos: 999_999_999,
    }
}

fn needs_reconnect() -> CredentialStatus {
    CredentialStatus {
        integration_id: INTEGRATION_ID.to_owned(),
        state: "needs_reconnect".to_owned(),
        cause: Some("revoked_by_user".to_owned()),
        action: "reconnect".to_owned(),
        since: Some(at(1_700_000_000)),
        last_success_at: Some(at(1_699_990_000)),
        expires_at: Some(at(1_699_993_600)),
        scopes_asked: vec!["email".to_owned(), "mail".to_owned()],
        scopes_granted: vec!["email".to_owned()],
    }
}

#[tokio::test]
async fn a_status_says_what_is_wrong_and_who_has_to_act() {
    let stack = Stack::start().await;
    stack.backend.show_status(needs_reconnect());

    let answer = stack.send(&head(), "").await;

    insta::assert_snapshot!(answer);
    let call = &stack.backend.calls()[0];
    insta::assert_snapshot!(call.message, @r#"GetCredentialStatusRequest { integration_id: "64b7f0c2a1d3e4f5a6b7c8d9" }"#);
    let bearer = call.authorization.as_deref();
    assert!(bearer.is_some_and(|bearer| bearer.starts_with("Bearer ey")));
}

#[tokio::test]
async fn what_was_never_connected_is_pending_with_every_member() {
    let stack = Stack::start().await;
    stack.backend.show_status(CredentialStatus {
        integration_id: INTEGRATION_ID.to_owned(),
        state: "pending".to_owned(),
        action: "none".to_owned(),
        ..CredentialStatus::default()
    });

    let answer = stack.send(&head(), "").await;

    insta::assert_snapshot!(answer);
}

#[tokio::test]
async fn the_status_of_another_users_integration_is_not_there() {
    let stack = Stack::start().await;
    stack.backend.fail_next(Error::not_found(""));

    let answer = stack.send(&head(), "").await;

    insta::assert_snapshot!(answer);
}

#[tokio::test]
async fn a_status_needs_a_user_token_an_id_and_get() {
    let stack = Stack::start().await;
    stack.backend.show_status(needs_reconnect());
    let wrong_id = "GET /integrations/64B7/status HTTP/1.1";
    let post = head().replace("GET", "POST");

    let bare = stack.send_bare(&head(), "").await;
    let with_apt = stack.send_with_apt(&head(), "").await;
    let wrong_id = stack.send(wrong_id, "").await;
    let post = stack.send(&post, "").await;

    assert_eq!((bare.status(), with_apt.status()), (401, 401));
    assert_eq!((wrong_id.status(), post.status()), (404, 405));
    assert!(
        post.header("allow")
            .is_some_and(|allow| allow.contains("GET"))
    );
    assert!(stack.backend.calls().is_empty());
}

#[tokio::test]
async fn without_auth_a_status_is_unavailable() {
    let mut stack = Stack::start().await;
    stack.backend.show_status(needs_reconnect());
    // The keys that verify the token are fetched before everything goes away.
    stack.send(&head(), "").await;
    stack.stop_backend().await;

    let answer = stack.send(&head(), "").await;

    assert_eq!(answer.status(), 503);
    assert_eq!(answer.error().0, "service_unavailable_error");
    assert!(answer.header("retry-after").is_some());
}
