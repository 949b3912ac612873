//! Deleting: the credential is unusable at once, the provider is told, the secrets are shredded
//! (refresh protocol, section 5).

use std::time::Duration;

use serde_json::json;
use workapi_proto::events::v1::ProviderRevocation;
use workapi_proto::integrations::v1::DeleteEnvironmentRequest;
use workapi_testkit::eventually;
use workapi_tests::{Options, Stack, bearing};

const ANN: &str = "ann@example.test";
const BO: &str = "bo@example.test";

#[tokio::test]
async fn a_deleted_integration_is_gone_revoked_and_shredded() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;

    user.delete(&id).await;

    let gone = user.call("GET", &format!("/integrations/{id}"), None).await;
    assert_eq!(gone.status, 404);
    assert_eq!(stack.end_of(&id).await, ProviderRevocation::Done);
    assert_eq!(stack.count("revocations").await, 1);
    assert!(stack.is_tombstoned(&id).await);
}

#[tokio::test]
async fn an_integration_that_was_never_connected_leaves_a_tombstone_alone() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;

    user.delete(&id).await;

    stack.tombstone(&id).await;
    assert_eq!(stack.credential(&id).await, None);
    assert_eq!(stack.count("revocations").await, 0);
}

#[tokio::test]
async fn a_credential_is_unusable_while_its_revocation_is_still_under_way() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    stack.hold_up("revoke").await;

    user.delete(&id).await;
    stack.faults_begun().await;

    assert!(stack.is_tombstoned(&id).await);
    assert_eq!(stack.credential(&id).await.unwrap().state, "revoking");
    stack.end_faults().await;
    assert_eq!(stack.end_of(&id).await, ProviderRevocation::Done);
    assert_eq!(stack.count("refreshes").await, 0);
}

#[tokio::test]
async fn a_revocation_that_fails_is_tried_again_until_it_succeeds() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let down = json!({"endpoint": "revoke", "kind": "status", "status": 503, "count": 2});
    stack.inject_fault(&down).await;

    user.delete(&id).await;
    for failures in 1..=2 {
        stack
            .credential_when(&id, "a failed revocation", |found| {
                found.failures == failures
            })
            .await;
        let waiting = stack.credential(&id).await.unwrap();
        assert_eq!(waiting.state, "revoking");
        assert!(waiting.has_secrets);
        stack.make_due(&id).await;
    }

    assert_eq!(stack.end_of(&id).await, ProviderRevocation::Done);
    assert_eq!(stack.count("revocations").await, 1);
}

#[tokio::test]
async fn a_revocation_that_the_provider_refuses_for_good_ends_in_shredding() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let refusal = json!({
        "endpoint": "revoke", "kind": "status", "status": 400, "error": "unsupported_token_type",
    });
    stack.inject_fault(&refusal).await;

    user.delete(&id).await;

    assert_eq!(stack.end_of(&id).await, ProviderRevocation::Failed);
    assert_eq!(stack.count("revocations").await, 0);
}

#[tokio::test]
async fn a_revocation_that_failed_for_a_day_ends_in_shredding() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    stack
        .inject_fault(&json!({"endpoint": "revoke", "kind": "status", "status": 503}))
        .await;
    user.delete(&id).await;
    stack
        .credential_when(&id, "a failed revocation", |found| found.failures == 1)
        .await;

    sqlx::query("UPDATE credential SET revoke_until = now(), due_at = now()")
        .execute(stack.vault_database())
        .await
        .unwrap();

    assert_eq!(stack.end_of(&id).await, ProviderRevocation::Failed);
    assert_eq!(stack.count("revocations").await, 0);
}

#[tokio::test]
async fn an_integration_that_vanished_without_a_word_is_found_by_the_sweep() {
    let options = Options {
        upkeep: Duration::from_millis(100),
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let kept = user.connect("event", BO).await;

    sqlx::query("DELETE FROM integration WHERE id = $1")
        .bind(&id)
        .execute(stack.integrations_database())
        .await
        .unwrap();
    eventually("the first negative answer, ten minutes ago", || async {
        let query = "UPDATE credential SET missing_since = now() - interval '10 minutes'
                     WHERE integration_id = $1 AND missing_since IS NOT NULL";
        let changed = sqlx::query(query).bind(&id).execute(stack.vault_database());
        (changed.await.unwrap().rows_affected() == 1).then_some(())
    })
    .await;

    assert_eq!(stack.end_of(&id).await, ProviderRevocation::Done);
    assert_eq!(stack.credential(&kept).await.unwrap().state, "active");
}

#[tokio::test]
async fn deleting_a_user_ends_every_connection_of_theirs() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let application = stack.application(&environment);
    let user = application.create_user("cust-1").await;
    let other = application.create_user("cust-2").await;
    let ids = [
        user.connect("email", ANN).await,
        user.create_integration("sandbox", "event").await,
    ];
    let spared = other.connect("email", BO).await;

    let deleted = user.call("DELETE", "/users/me", None).await;

    assert_eq!(deleted.status, 204);
    assert_eq!(user.call("GET", "/users/me", None).await.status, 401);
    assert_eq!(stack.end_of(&ids[0]).await, ProviderRevocation::Done);
    for id in &ids {
        stack.tombstone(id).await;
    }
    assert_eq!(stack.count("revocations").await, 1);
    assert_eq!(stack.credential(&spared).await.unwrap().state, "active");
}

#[tokio::test]
async fn deleting_an_environment_ends_every_connection_in_it() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let application = stack.application(&environment);
    let ann = application.create_user("cust-1").await;
    let bo = application.create_user("cust-2").await;
    let ids = [
        ann.connect("email", ANN).await,
        bo.connect("file", BO).await,
    ];

    let (mut admin, token) = environment.admin().await;
    let request = DeleteEnvironmentRequest {
        guid: environment.guid.clone(),
    };
    admin
        .delete_environment(bearing(request, &token))
        .await
        .unwrap();

    assert_eq!(ann.call("GET", "/users/me", None).await.status, 401);
    assert_eq!(application.post_user("cust-3").await.status, 404);
    for id in &ids {
        assert_eq!(stack.end_of(id).await, ProviderRevocation::Done);
    }
    assert_eq!(stack.count("revocations").await, 2);
}
