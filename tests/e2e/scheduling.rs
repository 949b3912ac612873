//! What is refreshed, when, and who is told that it can't be for ever.

use std::collections::HashSet;

use serde_json::json;
use workapi_bus::Stream;
use workapi_proto::events::v1::CredentialExpiring;
use workapi_testkit::eventually;
use workapi_tests::{Options, Stack};

const ANN: &str = "ann@example.test";
const BO: &str = "bo@example.test";
const EXPIRING: &str = "evt.auth.credential.expiring.v1";

async fn stack_with(replicas: usize, refresh: &str) -> Stack {
    let manifest = format!("[refresh]\n{refresh}\n");
    Stack::start_with(Options {
        replicas,
        manifests: vec![("sandbox", manifest)],
        ..Options::default()
    })
    .await
}

async fn queued(stack: &Stack) -> usize {
    let queued = stack.bus().queued_jobs("refresh").await.unwrap();
    queued.get("sandbox").copied().unwrap_or_default()
}

async fn change(stack: &Stack, integration_id: &str, statement: &'static str) {
    let changed = sqlx::query(statement)
        .bind(integration_id)
        .execute(stack.vault_database())
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1, "{statement}");
}

#[tokio::test]
async fn fm_08_however_much_is_due_the_queue_of_a_provider_stays_short() {
    let stack = stack_with(1, "max_concurrency = 2").await;
    let user = stack.user().await;
    let mut due = Vec::new();
    for _ in 0..10 {
        due.push(user.connect("email", ANN).await);
    }
    let other = user.connect("email", BO).await;
    let held_up = json!({"endpoint": "token", "kind": "delay", "delay_ms": 3_600_000, "count": 10});
    stack.inject_fault(&held_up).await;

    for id in &due {
        stack.make_due(id).await;
    }

    eventually("jobs", || async {
        (queued(&stack).await > 0).then_some(())
    })
    .await;
    // Its revocation shows that the scheduler came by again.
    user.delete(&other).await;
    stack.credential_in(&other, "revoked").await;
    assert!(queued(&stack).await <= 4);
    stack.end_faults().await;
    for id in &due {
        stack
            .credential_when(id, "a refresh", |found| found.generation == 2)
            .await;
    }
    assert_eq!(stack.count("double_spends").await, 0);
}

#[tokio::test]
async fn fm_17_what_nobody_uses_is_left_alone_until_somebody_does() {
    let stack = stack_with(1, "keep_fresh_days = 7").await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let eight_days_ago = "UPDATE credential
                          SET connected_at = now() - interval '8 days', due_at = now()
                          WHERE integration_id = $1";
    change(&stack, &id, eight_days_ago).await;
    let is_left_alone = "SELECT due_at IS NULL FROM credential WHERE integration_id = $1";
    eventually("an end of keeping it fresh", || async {
        let alone: bool = sqlx::query_scalar(is_left_alone)
            .bind(&id)
            .fetch_one(stack.vault_database())
            .await
            .unwrap();
        alone.then_some(())
    })
    .await;
    assert_eq!(stack.count("refreshes").await, 0);

    let use_it = "UPDATE credential
                  SET last_used_at = now(), due_at = LEAST(due_at, now())
                  WHERE integration_id = $1";
    change(&stack, &id, use_it).await;

    stack
        .credential_when(&id, "a refresh", |found| found.generation == 2)
        .await;
    assert_eq!(stack.count("refreshes").await, 1);
}

#[tokio::test]
async fn fm_18_of_two_replicas_one_tells_that_a_grant_will_end() {
    let stack = stack_with(2, "absolute_days = 31").await;
    let user = stack.user().await;
    let mut ids = HashSet::new();
    for _ in 0..10 {
        ids.insert(user.connect("email", ANN).await);
    }

    sqlx::query("UPDATE credential SET expiry_notice_at = now()")
        .execute(stack.vault_database())
        .await
        .unwrap();

    let told = || async {
        let events = stack.messages(Stream::Events).await;
        let told = events.into_iter().filter(|event| event.subject == EXPIRING);
        told.collect::<Vec<_>>()
    };
    eventually("every notice", || async {
        (told().await.len() >= 10).then_some(())
    })
    .await;
    for id in &ids {
        stack.refresh(id).await;
    }
    let told = told().await;
    assert_eq!(told.len(), 10);
    let about: HashSet<_> = told
        .iter()
        .map(|event| event.headers["ce-subject"].clone())
        .collect();
    assert_eq!(about, ids);
    assert_eq!(told[0].headers["ce-type"], "workapi.credential.expiring.v1");
    let event: CredentialExpiring = told[0].decode();
    assert_eq!(
        (event.days_left, event.cause.as_str()),
        (31, "absolute_expired")
    );
}

#[tokio::test]
async fn fm_18_a_grant_that_ended_on_its_day_is_told_as_that() {
    let stack = stack_with(1, "absolute_days = 365").await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let a_year_ago = "UPDATE credential
                      SET absolute_expires_at = now() - interval '1 minute'
                      WHERE integration_id = $1";
    change(&stack, &id, a_year_ago).await;
    let rejected = json!({
        "endpoint": "token", "kind": "status", "status": 400, "error": "invalid_grant",
    });
    stack.inject_fault(&rejected).await;

    stack.make_due(&id).await;

    let ended = stack.credential_in(&id, "needs_reconnect").await;
    assert_eq!(ended.cause.as_deref(), Some("absolute_expired"));
}
