//! Claiming what is due.

use std::collections::HashSet;

use tokio::task::JoinSet;
use workapi_telemetry::propagation::current_traceparent;
use workapi_types::IntegrationId;
use workapi_vault::{Claim, Task};

use crate::credential::{assert_about, times};
use crate::fixture::{Fixture, claim_due};

/// Connects `count` integrations, the first of them due the longest.
async fn due(vault: &Fixture, count: u32) -> Vec<IntegrationId> {
    let mut integrations = Vec::new();
    for n in 0..count {
        let integration = vault.connected().await;
        sqlx::query(
            "UPDATE credential SET due_at = now() - make_interval(mins => $2)
             WHERE integration_id = $1",
        )
        .bind(integration.as_str())
        .bind(i32::try_from(count - n).unwrap())
        .execute(&vault.sql)
        .await
        .unwrap();
        integrations.push(integration);
    }
    integrations
}

fn ids(claims: &[Claim]) -> Vec<IntegrationId> {
    claims
        .iter()
        .map(|claim| claim.integration_id.clone())
        .collect()
}

#[tokio::test]
async fn what_is_not_due_is_not_claimed() {
    let vault = Fixture::new().await;
    vault.connected().await;

    let claims = vault.claim_due(10).await;

    assert!(claims.is_empty());
}

#[tokio::test]
async fn a_claim_names_the_grant_and_lasts_30_seconds() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET due_at = now() WHERE integration_id = $1",
            &integration,
        )
        .await;

    let claims = vault.claim_due(10).await;
    let again = vault.claim_due(10).await;

    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].integration_id, integration);
    assert_eq!(claims[0].provider.as_str(), "sandbox");
    assert_eq!(claims[0].task, Task::Refresh);
    assert_eq!(claims[0].claim_seq, 1);
    assert_eq!(claims[0].traceparent, None);
    assert!(again.is_empty());
    assert_about(times(&vault.sql, &integration).await.due_in, 30.0);
}

#[tokio::test]
async fn a_claim_that_nobody_acted_on_is_made_again_under_a_new_number() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;

    let first = vault.job(&integration).await;
    let second = vault.job(&integration).await;

    assert_eq!(second.claim_seq, first.claim_seq + 1);
    assert_eq!(second.grant_id, first.grant_id);
}

#[tokio::test]
async fn no_more_than_the_limit_is_claimed_and_the_longest_due_come_first() {
    let vault = Fixture::new().await;
    let integrations = due(&vault, 12).await;

    let first = vault.claim_due(8).await;
    let rest = vault.claim_due(8).await;

    assert_eq!(ids(&first), integrations[..8]);
    assert_eq!(ids(&rest), integrations[8..]);
}

#[tokio::test]
async fn only_what_can_be_refreshed_or_revoked_is_claimed() {
    let vault = Fixture::new().await;
    let integrations = due(&vault, 6).await;
    let states = [
        ("active", None),
        ("refresh_failing", Some("internal")),
        ("revoking", None),
        ("needs_reconnect", Some("unknown")),
        ("needs_operator", Some("internal")),
        ("revoked", None),
    ];
    for (integration, (state, cause)) in integrations.iter().zip(states) {
        sqlx::query("UPDATE credential SET state = $2, cause = $3 WHERE integration_id = $1")
            .bind(integration.as_str())
            .bind(state)
            .bind(cause)
            .execute(&vault.sql)
            .await
            .unwrap();
    }

    let claims = vault.claim_due(10).await;

    assert_eq!(ids(&claims), integrations[..3]);
    let tasks: Vec<_> = claims.iter().map(|claim| claim.task).collect();
    assert_eq!(tasks, [Task::Refresh, Task::Refresh, Task::Revoke]);
}

#[tokio::test]
async fn a_row_that_somebody_holds_is_passed_over() {
    let vault = Fixture::new().await;
    let integrations = due(&vault, 2).await;
    let mut holder = vault.sql.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM credential WHERE integration_id = $1 FOR UPDATE")
        .bind(integrations[0].as_str())
        .execute(&mut *holder)
        .await
        .unwrap();

    let claims = vault.claim_due(10).await;

    assert_eq!(ids(&claims), integrations[1..]);
}

#[tokio::test]
async fn schedulers_that_claim_at_once_never_share_a_claim() {
    let vault = Fixture::new().await;
    let integrations = due(&vault, 60).await;
    let mut claiming = JoinSet::new();
    for _ in 0..8 {
        let auth = vault.auth.clone();
        claiming.spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let claims = claim_due(&auth, 7).await;
                assert!(claims.len() <= 7);
                if claims.is_empty() {
                    return claimed;
                }
                claimed.extend(ids(&claims));
            }
        });
    }

    let claimed = claiming.join_all().await.concat();

    assert_eq!(claimed.len(), 60);
    let distinct: HashSet<_> = claimed.into_iter().collect();
    assert_eq!(distinct, integrations.into_iter().collect());
}

#[tokio::test]
async fn the_revocation_is_part_of_the_trace_that_deleted() {
    workapi_telemetry::testing::record();
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let span = tracing::info_span!("delete");
    let traceparent = span.in_scope(current_traceparent);
    let deleting = tracing::Instrument::instrument(vault.auth.delete(&integration), span);

    deleting.await.unwrap();

    let claims = vault.claim_due(10).await;
    assert!(traceparent.is_some());
    assert_eq!(claims[0].traceparent, traceparent);
}
