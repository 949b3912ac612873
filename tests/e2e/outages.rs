//! Servers that go away and come back while accounts are connected and refreshed.

use std::sync::Arc;

use serde_json::json;
use workapi_testkit::{Proxy, eventually, nats_url, postgres_url, redis_url};
use workapi_tests::{Options, Stack};

const ANN: &str = "ann@example.test";

#[tokio::test]
async fn without_redis_nothing_is_begun_and_nothing_is_half_done() {
    let redis = Proxy::open(&redis_url()).await;
    let options = Options {
        redis_url: Some(redis.lead(&redis_url())),
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let callback = user.consent(&id, ANN).await;
    let init = format!("/auth/init/{id}");

    redis.cut().await;
    let refused = user.call("GET", &init, None).await;
    let page = user.browser().open(&callback).await;

    assert_eq!(refused.status, 503);
    assert_eq!(refused.error_code(), "service_unavailable_error");
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(page.status, 503);
    assert_eq!(page.headers["retry-after"], "1");
    assert!(page.body.contains("Not finished yet"), "{}", page.body);
    assert_eq!(stack.count("exchanges").await, 0);
    assert_eq!(stack.credential(&id).await, None);
    assert!(user.provider_id(&id).await.is_null());

    redis.reopen().await;
    eventually("Redis' return", || async {
        let begun = user.call("GET", &init, None).await;
        (begun.status == 200).then_some(())
    })
    .await;
    // The user reloads the page, as it says.
    let landing = user.browser().open(&callback).await;
    assert_eq!(landing.outcome(), "success");
    assert_eq!(user.provider_id(&id).await, ANN);
}

/// Starts a stack whose vault can be cut off, with a way to do so.
async fn stack_with_a_way_to_its_vault() -> (Stack, Arc<Proxy>) {
    let way = Arc::new(Proxy::open(&postgres_url()).await);
    let options = Options {
        vault_way: Some(Arc::clone(&way)),
        ..Options::default()
    };
    (Stack::start_with(options).await, way)
}

#[tokio::test]
async fn a_grant_waits_for_a_database_that_went_away_during_the_exchange() {
    let (stack, way) = stack_with_a_way_to_its_vault().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let callback = user.consent(&id, ANN).await;
    stack.hold_up("token").await;

    let come_back = async {
        stack.faults_begun().await;
        way.cut().await;
        stack.end_faults().await;
        eventually("the provider's answer", || async {
            (stack.count("exchanges").await == 1).then_some(())
        })
        .await;
        way.reopen().await;
    };
    let (landing, ()) = tokio::join!(user.browser().open(&callback), come_back);

    assert_eq!(landing.outcome(), "success");
    assert_eq!(user.provider_id(&id).await, ANN);
    assert_eq!(stack.credential(&id).await.unwrap().state, "active");
}

#[tokio::test]
async fn a_rotated_token_waits_for_a_database_that_went_away_during_the_refresh() {
    let (stack, way) = stack_with_a_way_to_its_vault().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    stack.hold_up("token").await;
    stack.make_due(&id).await;
    stack.faults_begun().await;

    way.cut().await;
    stack.end_faults().await;
    eventually("the provider's answer", || async {
        (stack.count("refreshes").await == 1).then_some(())
    })
    .await;
    way.reopen().await;

    stack
        .credential_when(&id, "the commit", |found| found.generation == 2)
        .await;
    assert_eq!(stack.refresh(&id).await.generation, 3);
    assert_eq!(stack.count("reuse_detected").await, 0);
}

#[tokio::test]
async fn an_account_that_could_not_be_told_is_told_later() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let mut holder = stack.integrations_database().begin().await.unwrap();
    sqlx::query("SELECT FROM integration WHERE id = $1 FOR UPDATE")
        .bind(&id)
        .execute(&mut *holder)
        .await
        .unwrap();

    let landing = user.authorize(&id, ANN).await;

    assert_eq!(landing.outcome(), "success");
    assert!(user.provider_id(&id).await.is_null());
    holder.rollback().await.unwrap();
    sqlx::query("UPDATE account_projection SET due_at = now()")
        .execute(stack.vault_database())
        .await
        .unwrap();
    eventually("the account", || async {
        (user.provider_id(&id).await == ANN).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_deletion_that_the_bus_could_not_tell_is_found_out_by_the_callback() {
    let nats = Arc::new(Proxy::open(&nats_url()).await);
    let options = Options {
        nats_way: Some(Arc::clone(&nats)),
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let callback = user.consent(&id, ANN).await;

    nats.cut().await;
    user.delete(&id).await;
    let landing = user.browser().open(&callback).await;

    assert_eq!(landing.outcome(), "integration_deleted");
    assert!(stack.is_tombstoned(&id).await);
    assert_eq!(stack.credential(&id).await.unwrap().state, "revoking");

    nats.reopen().await;
    let ended = stack.credential_in(&id, "revoked").await;
    assert!(!ended.has_secrets);
    assert_eq!(stack.count("revocations").await, 1);
}

#[tokio::test]
async fn fm_05_why_a_refresh_failed_waits_for_a_database_that_went_away() {
    let (stack, way) = stack_with_a_way_to_its_vault().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let fault = json!({
        "endpoint": "token", "kind": "status", "status": 503, "delay_ms": 3_600_000,
    });
    stack.inject_fault(&fault).await;
    stack.make_due(&id).await;
    stack.faults_begun().await;

    way.cut().await;
    stack.end_faults().await;
    let status = format!("/integrations/{id}/status");
    eventually("a program that misses the vault", || async {
        let answer = user.call("GET", &status, None).await;
        (answer.status == 503).then_some(())
    })
    .await;
    way.reopen().await;

    // Otherwise nobody would know before the lease ends, a minute later.
    let failed = stack.credential_when(&id, "the failure", |found| found.failures == 1);
    assert_eq!(failed.await.state, "active");
}
