//! Refreshes that fail: who has to do what, and how it heals.

use std::time::Duration;

use serde_json::{Value, json};
use workapi_proto::events::v1::CredentialStateChanged;
use workapi_tests::{Credential, Stack, UserSession};

const ANN: &str = "ann@example.test";

/// Starts a stack with one connected integration.
async fn connected() -> (Stack, UserSession, String) {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    (stack, user, id)
}

/// Lets the next refresh meet a fault, and returns what the vault makes of it.
async fn fail_refresh(stack: &Stack, id: &str, fault: Value) -> Credential {
    stack.inject_fault(&fault).await;
    stack.make_due(id).await;
    stack
        .credential_when(id, "a failed refresh", |found| found.failures > 0)
        .await
}

async fn assert_heals(stack: &Stack, id: &str) {
    let healed = stack.refresh(id).await;
    let healed = (healed.state.as_str(), healed.cause, healed.failures);
    assert_eq!(healed, ("active", None, 0));
}

#[tokio::test]
async fn fm_12_a_dead_grant_needs_the_user_and_is_healed_by_reconnecting() {
    let (stack, user, id) = connected().await;

    let fault = json!({
        "endpoint": "token", "kind": "status", "status": 400, "error": "invalid_grant",
    });
    let failed = fail_refresh(&stack, &id, fault).await;

    assert_eq!(failed.state, "needs_reconnect");
    assert_eq!(failed.cause.as_deref(), Some("unknown"));
    let event = stack
        .event("evt.auth.credential.needs_reconnect.v1", &id)
        .await;
    assert_eq!(
        event.headers["ce-type"],
        "workapi.credential.needs_reconnect.v1"
    );
    let told: CredentialStateChanged = event.decode();
    assert_eq!(told.state, "needs_reconnect");
    assert_eq!(
        (told.cause.as_str(), told.action.as_str()),
        ("unknown", "reconnect")
    );

    user.reconnect(&id, ANN).await;

    assert_heals(&stack, &id).await;
}

#[tokio::test]
async fn a_provider_that_is_down_is_asked_again_later_and_nobody_notices() {
    let (stack, _, id) = connected().await;

    let fault = json!({"endpoint": "token", "kind": "status", "status": 503});
    let failed = fail_refresh(&stack, &id, fault).await;

    assert_eq!((failed.state.as_str(), failed.cause), ("active", None));
    let back_off = stack.due_in(&id).await;
    // The provider may have spent the token before it failed: it is sent again only when the lease
    // is over and there is nothing left to lose.
    assert!(back_off <= Duration::from_mins(1), "{back_off:?}");
    stack.end_lease(&id).await;
    stack.expire(&id).await;
    assert_heals(&stack, &id).await;
}

#[tokio::test]
async fn a_provider_that_asks_for_peace_gets_it() {
    let (stack, _, id) = connected().await;

    let fault = json!({
        "endpoint": "token", "kind": "status", "status": 429, "retry_after_seconds": 600,
    });
    let failed = fail_refresh(&stack, &id, fault).await;

    assert_eq!((failed.state.as_str(), failed.cause), ("active", None));
    let peace = stack.due_in(&id).await;
    assert!(peace > Duration::from_secs(500), "{peace:?}");
}

#[tokio::test]
async fn after_the_peace_that_a_provider_asked_for_it_is_asked_again() {
    let (stack, _, id) = connected().await;

    let fault = json!({
        "endpoint": "token", "kind": "status", "status": 503, "retry_after_seconds": 1,
    });
    fail_refresh(&stack, &id, fault).await;
    stack.end_lease(&id).await;
    stack.expire(&id).await;

    assert_heals(&stack, &id).await;
}

#[tokio::test]
async fn a_lost_request_is_made_up_for() {
    let (stack, _, id) = connected().await;

    let fault = json!({"endpoint": "token", "kind": "drop_before"});
    let failed = fail_refresh(&stack, &id, fault).await;

    assert_eq!((failed.state.as_str(), failed.cause), ("active", None));
    stack.end_lease(&id).await;
    stack.expire(&id).await;
    assert_heals(&stack, &id).await;
    assert_eq!(stack.count("reuse_detected").await, 0);
}

#[tokio::test]
async fn a_failure_shows_once_the_access_token_has_run_out_and_then_heals() {
    let (stack, _, id) = connected().await;
    stack.expire(&id).await;

    let fault = json!({"endpoint": "token", "kind": "status", "status": 503});
    let failed = fail_refresh(&stack, &id, fault).await;

    assert_eq!(failed.state, "refresh_failing");
    assert_eq!(failed.cause.as_deref(), Some("provider_unavailable"));
    let event = stack
        .event("evt.auth.credential.refresh_failing.v1", &id)
        .await;
    let told: CredentialStateChanged = event.decode();
    assert_eq!(told.action, "wait");
    stack.end_lease(&id).await;
    assert_heals(&stack, &id).await;
}

#[tokio::test]
async fn a_client_secret_that_cannot_be_opened_is_not_met_again_and_again() {
    let (stack, _, id) = connected().await;
    sqlx::query("UPDATE client_secret SET sealed_secret = '\\x00'")
        .execute(stack.vault_database())
        .await
        .unwrap();

    stack.expire(&id).await;
    stack.make_due(&id).await;
    let failed = stack
        .credential_when(&id, "a failed refresh", |found| found.failures > 0)
        .await;

    assert_eq!(failed.state, "refresh_failing");
    assert_eq!(failed.cause.as_deref(), Some("internal"));
    assert!(stack.due_in(&id).await > Duration::from_secs(1));
    assert_eq!(stack.count("refreshes").await, 0);
}
