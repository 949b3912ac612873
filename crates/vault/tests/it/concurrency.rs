//! Everything at once: whatever the order, each generation is made exactly once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use prost::Message;
use tokio::task::JoinSet;
use workapi_proto::events::v1::CredentialRefreshed;
use workapi_providers::{Action, Cause};
use workapi_types::IntegrationId;
use workapi_vault::{Failure, RotationStart, Settled, Vault};

use crate::credential::row;
use crate::fixture::{DEADLINE, Fixture, claim_due, job, new_integration, store, tokens};

const WORKERS: usize = 8;
const ROUNDS: usize = 25;

/// Claims and rotates, and in one of four rounds dies, fails or is late instead.
async fn work(worker: usize, auth: Vault, refresher: Vault) -> usize {
    let keep = Duration::from_mins(1);
    let failure = Failure {
        cause: Cause::ProviderUnavailable,
        action: Action::Wait,
        retry_after: None,
        rejected: true,
        keeps_lease: false,
    };
    let mut committed = 0;
    for round in 0..ROUNDS {
        for claim in claim_due(&auth, 2).await {
            let start = refresher.start_rotation(&job(&claim), DEADLINE).await;
            let RotationStart::Leased(lease) = start.unwrap() else {
                continue;
            };
            match (worker + round) % 4 {
                0 => refresher.postpone(&lease, Duration::ZERO).await.unwrap(),
                1 => {
                    refresher.record_failure(&lease, &failure).await.unwrap();
                }
                _ => {
                    let answer = refresher.seal_answer(&lease, &tokens("next")).unwrap();
                    let settled = refresher.commit_rotation(&lease, &answer, Some(keep)).await;
                    if settled.unwrap() == Settled::Committed {
                        let again = refresher.commit_rotation(&lease, &answer, Some(keep)).await;
                        assert_eq!(again.unwrap(), Settled::Committed);
                        committed += 1;
                    }
                }
            }
        }
    }
    committed
}

/// Makes everything due and lets every lease end, again and again.
async fn hurry(sql: sqlx::PgPool) {
    for _ in 0..ROUNDS {
        sqlx::query(
            "UPDATE credential SET due_at = now(), lease_until = now(), unfinished_jobs = 0",
        )
        .execute(&sql)
        .await
        .unwrap();
    }
}

async fn refreshed_events(vault: &Fixture) -> Vec<CredentialRefreshed> {
    let payloads: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT payload FROM outbox WHERE subject LIKE '%.refreshed.v1' ORDER BY position",
    )
    .fetch_all(&vault.sql)
    .await
    .unwrap();
    let decode = |payload: Vec<u8>| CredentialRefreshed::decode(payload.as_slice()).unwrap();
    payloads.into_iter().map(decode).collect()
}

#[tokio::test]
async fn each_generation_is_made_once_while_leases_are_stolen_and_grants_replaced() {
    let vault = Fixture::new().await;
    let mut integrations: Vec<IntegrationId> = Vec::new();
    for _ in 0..6 {
        integrations.push(vault.connected().await);
    }
    let mut working = JoinSet::new();
    for worker in 0..WORKERS {
        working.spawn(work(worker, vault.auth.clone(), vault.refresher.clone()));
    }
    let hurrying = tokio::spawn(hurry(vault.sql.clone()));
    for integration in &integrations[..3] {
        vault.connect(integration).await;
    }

    let committed: usize = working.join_all().await.into_iter().sum();
    hurrying.await.unwrap();

    let events = refreshed_events(&vault).await;
    assert!(committed > 0);
    assert_eq!(events.len(), committed);
    let names = |event: &CredentialRefreshed| (event.grant_id.clone(), event.generation);
    let distinct: HashSet<_> = events.iter().map(names).collect();
    assert_eq!(distinct.len(), events.len());
    let mut newest: HashMap<&str, i64> = HashMap::new();
    for event in &events {
        let generation = newest.entry(&event.grant_id).or_insert(1);
        assert_eq!(event.generation, *generation + 1, "{event:?}");
        *generation = event.generation;
    }
    for integration in &integrations {
        let row = row(&vault.sql, integration).await;
        let known = newest.get(row.grant_id.to_string().as_str()).copied();
        assert_eq!(row.generation, known.unwrap_or(1));
    }
}

#[tokio::test]
async fn connects_deletions_and_rotations_of_one_integration_end_in_its_revocation() {
    let vault = Fixture::new().await;
    let mut racing = JoinSet::new();
    for _ in 0..12 {
        let integration = new_integration();
        vault.connect(&integration).await;
        let lease = vault.lease(&integration).await;
        let answer = vault.refresher.seal_answer(&lease, &tokens("2")).unwrap();
        let grant = vault.grant(&integration).await;
        let (auth, refresher) = (vault.auth.clone(), vault.refresher.clone());
        racing.spawn(async move {
            let keep = Duration::from_mins(1);
            let (rotated, connected, deleted) = tokio::join!(
                refresher.commit_rotation(&lease, &answer, Some(keep)),
                store(&auth, &grant),
                auth.delete(&integration),
            );
            rotated.unwrap();
            connected.unwrap();
            deleted.unwrap();
        });
    }

    racing.join_all().await;

    let alive = vault.count("SELECT count(*) FROM credential WHERE state <> 'revoking'");
    assert_eq!(alive.await, 0);
}
