//! Access tokens while the provider, NATS or a refresher is away.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use workapi_providers::{Action, Cause};
use workapi_testkit::{Proxy, eventually, nats_url};
use workapi_tests::Options;

use super::Connected;

#[tokio::test]
async fn while_the_provider_is_down_a_valid_token_is_served() {
    let connected = Connected::start(Options::default()).await;
    connected.stack.age(&connected.id, 50.0).await;
    let down = json!({"endpoint": "token", "kind": "status", "status": 503, "count": 1000});
    connected.stack.inject_fault(&down).await;

    for _ in 0..20 {
        assert_eq!(connected.token().await.generation, 1);
    }

    let credential = connected.stack.credential(&connected.id).await.unwrap();
    assert_eq!(credential.state, "active");
    assert_eq!(credential.failures, 1, "the back-off is kept");
}

#[tokio::test]
async fn while_the_provider_is_down_an_expired_token_has_a_time_to_come_back() {
    let connected = Connected::start(Options::default()).await;
    connected.stack.expire(&connected.id).await;
    let down = json!({
        "endpoint": "token", "kind": "status", "status": 503, "retry_after_seconds": 600,
    });
    connected.stack.inject_fault(&down).await;

    let error = connected.token_within(Duration::from_secs(20)).await;

    let error = error.unwrap_err();
    assert_eq!(error.action(), Action::Wait);
    assert_eq!(error.cause(), Some(Cause::ProviderUnavailable));
    let retry_after = error.retry_after().unwrap();
    assert!(retry_after > Duration::from_secs(500), "{retry_after:?}");
}

#[tokio::test]
async fn a_dead_grant_is_told_with_its_cause_at_once() {
    let connected = Connected::start(Options::default()).await;
    connected.stack.expire(&connected.id).await;
    let dead = json!({
        "endpoint": "token", "kind": "status", "status": 400, "error": "invalid_grant",
    });
    connected.stack.inject_fault(&dead).await;

    let error = connected.token_within(Duration::from_secs(20)).await;

    let error = error.unwrap_err();
    assert_eq!(
        (error.action(), error.cause()),
        (Action::Reconnect, Some(Cause::Unknown))
    );
    assert_eq!(error.retry_after(), None);
}

#[tokio::test]
async fn a_token_of_a_deleted_integration_is_not_served_although_it_is_valid() {
    let connected = Connected::start(Options::default()).await;
    connected.token().await;
    connected.stack.hold_up("revoke").await;
    let user_deletes =
        sqlx::query("UPDATE credential SET state = 'revoking' WHERE integration_id = $1")
            .bind(&connected.id)
            .execute(connected.stack.vault_database());
    user_deletes.await.unwrap();

    let error = connected.token_within(Duration::from_secs(20)).await;

    assert_eq!(error.unwrap_err().to_string(), "the integration is deleted");
    connected.stack.end_faults().await;
}

#[tokio::test]
async fn without_nats_a_caller_leaves_word_and_is_served_when_somebody_reads_it() {
    let way = Arc::new(Proxy::open(&nats_url()).await);
    let options = Options {
        nats_way: Some(Arc::clone(&way)),
        ..Options::default()
    };
    let connected = Connected::start(options).await;
    connected.stack.expire(&connected.id).await;
    way.cut().await;

    let late = connected.token_within(Duration::from_millis(600)).await;
    let due_in = connected.stack.due_in(&connected.id).await;
    let waiting = connected.token();
    let coming_back = async {
        way.reopen().await;
        eventually("a rotation", || async {
            (connected.stack.rotations().await == 1).then_some(())
        })
        .await;
    };
    let (served, ()) = tokio::join!(waiting, coming_back);

    let late = late.unwrap_err();
    assert_eq!(late.action(), Action::Wait);
    assert!(late.retry_after().is_some());
    assert_eq!(due_in, Duration::ZERO);
    assert_eq!(served.generation, 2);
    connected.assert_refreshes(1).await;
}
