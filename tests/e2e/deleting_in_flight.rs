//! Deletions that cross a callback or a refresh on their way: no credential is left behind.

use workapi_proto::events::v1::ProviderRevocation;
use workapi_testkit::eventually;
use workapi_tests::{Stack, UserSession};

const ANN: &str = "ann@example.test";
const BO: &str = "bo@example.test";

/// Asserts that a grant which came too late was revoked and shredded.
async fn assert_no_orphan(stack: &Stack, id: &str) {
    assert_eq!(stack.end_of(id).await, ProviderRevocation::Done);
    assert_eq!(stack.count("revocations").await, 1);
}

/// Deletes an integration while its code is being exchanged, and returns how the browser fared.
async fn delete_during_callback(stack: &Stack, user: &UserSession, id: &str) -> String {
    let callback = user.consent(id, ANN).await;
    stack.hold_up("token").await;
    let delete = async {
        stack.faults_begun().await;
        user.delete(id).await;
        stack.tombstone(id).await;
        stack.end_faults().await;
    };
    let (landing, ()) = tokio::join!(user.browser().open(&callback), delete);
    landing.outcome()
}

#[tokio::test]
async fn a_deletion_during_the_exchange_ends_the_new_grant() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;

    let outcome = delete_during_callback(&stack, &user, &id).await;

    assert_eq!(outcome, "integration_deleted");
    assert_no_orphan(&stack, &id).await;
}

#[tokio::test]
async fn a_callback_after_the_deletion_ends_the_new_grant() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let callback = user.consent(&id, ANN).await;

    user.delete(&id).await;
    stack.tombstone(&id).await;
    let landing = user.browser().open(&callback).await;

    assert_eq!(landing.outcome(), "integration_deleted");
    assert_no_orphan(&stack, &id).await;
}

#[tokio::test]
async fn a_deletion_during_a_reconnection_ends_the_new_grant() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;

    let outcome = delete_during_callback(&stack, &user, &id).await;

    assert_eq!(outcome, "integration_deleted");
    assert_no_orphan(&stack, &id).await;
}

#[tokio::test]
async fn a_callback_of_another_account_after_the_deletion_ends_the_new_grant_too() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let callback = user.consent(&id, BO).await;
    user.delete(&id).await;
    stack.credential_in(&id, "revoked").await;

    let landing = user.browser().open(&callback).await;

    assert_eq!(landing.outcome(), "integration_deleted");
    eventually("the second revocation", || async {
        (stack.count("revocations").await == 2).then_some(())
    })
    .await;
    let ended = stack.credential_in(&id, "revoked").await;
    assert!(!ended.has_secrets);
}

#[tokio::test]
async fn a_deletion_during_a_refresh_revokes_the_token_that_the_refresh_brought() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    stack.hold_up("token").await;
    stack.make_due(&id).await;
    stack.faults_begun().await;

    user.delete(&id).await;
    stack.credential_in(&id, "revoking").await;
    stack.end_faults().await;

    // With the old token the provider would have seen a reuse, and the new one would live on.
    assert_no_orphan(&stack, &id).await;
    let counters = stack.counters().await;
    assert_eq!(counters["refreshes"], 1, "{counters}");
    assert_eq!(counters["reuse_detected"], 0, "{counters}");
}
