//! Revocations that reach more than their own token: integrations of one account.

use sqlx::PgPool;
use tokio::task::JoinSet;
use workapi_proto::events::v1::{CredentialRevoked, ProviderRevocation};
use workapi_testkit::eventually;
use workapi_types::IntegrationId;
use workapi_vault::{AccountGuard, Clearance, Connected, RevocationLease};

use crate::credential::row;
use crate::fixture::{Fixture, new_integration, store, tokens};

impl Fixture {
    /// Connects three integrations to one account.
    async fn three(&self) -> [IntegrationId; 3] {
        [
            self.connected().await,
            self.connected().await,
            self.connected().await,
        ]
    }

    /// Deletes `integration` and leases its revocation.
    pub(crate) async fn deleted(&self, integration: &IntegrationId) -> RevocationLease {
        self.auth.delete(integration).await.unwrap();
        self.revocation(integration).await
    }

    pub(crate) async fn clear(&self, lease: &RevocationLease) -> Clearance {
        self.refresher.clear_revocation(lease).await.unwrap()
    }

    async fn guard(&self, lease: &RevocationLease) -> AccountGuard {
        match self.clear(lease).await {
            Clearance::Clear(guard) => guard,
            other => panic!("the account has no other credential, yet {other:?}"),
        }
    }
}

/// Waits until somebody waits for an advisory lock.
async fn a_waiter(sql: &PgPool) {
    eventually("a wait for the account", async || {
        let waits: bool = sqlx::query_scalar(
            "SELECT EXISTS (
                 SELECT 1
                 FROM pg_locks
                 WHERE locktype = 'advisory' AND NOT granted
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             )",
        )
        .fetch_one(sql)
        .await
        .unwrap();
        waits.then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_account_that_others_still_use_is_not_revoked() {
    let vault = Fixture::new().await;
    let [first, second, third] = vault.three().await;
    let lease = vault.deleted(&first).await;

    let clearance = vault.clear(&lease).await;

    assert!(matches!(clearance, Clearance::Siblings));
    let skipped = ProviderRevocation::SkippedSiblings;
    vault
        .refresher
        .finish_revocation(&lease, skipped)
        .await
        .unwrap();
    assert_eq!(row(&vault.sql, &first).await.state, "revoked");
    let event: CredentialRevoked = vault.last_event().await;
    assert_eq!(event.provider_revocation(), skipped);
    for sibling in [second, third] {
        let lease = vault.lease(&sibling).await;
        assert_eq!(lease.refresh_token.expose(), "refresh-1");
    }
}

#[tokio::test]
async fn when_all_are_deleted_one_revocation_ends_them_all() {
    let vault = Fixture::new().await;
    let integrations = vault.three().await;
    let mut leases = Vec::new();
    for integration in &integrations {
        leases.push(vault.deleted(integration).await);
    }
    let guard = vault.guard(&leases[0]).await;

    vault
        .refresher
        .finish_account(&leases[0], guard)
        .await
        .unwrap();

    for lease in &leases[1..] {
        assert!(matches!(vault.clear(lease).await, Clearance::AlreadyDone));
    }
    for integration in &integrations {
        let row = row(&vault.sql, integration).await;
        assert_eq!((row.state.as_str(), row.salt), ("revoked", None));
    }
    assert_eq!(vault.events().await[3..], ["revoked"; 3]);
    let event: CredentialRevoked = vault.last_event().await;
    assert_eq!(event.provider_revocation(), ProviderRevocation::Done);
}

#[tokio::test]
async fn of_revocations_that_are_cleared_at_once_one_is_sent() {
    let vault = Fixture::new().await;
    let mut integrations = Vec::new();
    for _ in 0..6 {
        integrations.push(vault.connected().await);
    }
    let mut leases = Vec::new();
    for integration in &integrations {
        leases.push(vault.deleted(integration).await);
    }
    let mut clearing = JoinSet::new();
    for lease in leases {
        let refresher = vault.refresher.clone();
        clearing.spawn(async move {
            match refresher.clear_revocation(&lease).await.unwrap() {
                Clearance::Clear(guard) => {
                    refresher.finish_account(&lease, guard).await.unwrap();
                    1
                }
                Clearance::AlreadyDone => 0,
                other => panic!("every integration is deleted, yet {other:?}"),
            }
        });
    }

    let sent = clearing.join_all().await;

    assert_eq!(sent.iter().sum::<i32>(), 1);
    let shredded = vault.count("SELECT count(*) FROM credential WHERE state = 'revoked'");
    assert_eq!(shredded.await, 6);
}

#[tokio::test]
async fn clients_of_one_project_are_siblings_and_other_accounts_are_not() {
    let vault = Fixture::new().await;
    let deleted = vault.connected().await;
    let mut other_account = vault.grant(&new_integration()).await;
    other_account.grant.provider_subject = "https://issuer.example bo".to_owned();
    store(&vault.auth, &other_account).await.unwrap();
    let mut other_group = vault.grant(&new_integration()).await;
    other_group.grant.revocation_group = "5678".to_owned();
    store(&vault.auth, &other_group).await.unwrap();
    let lease = vault.deleted(&deleted).await;
    let alone = vault.clear(&lease).await;
    assert!(matches!(alone, Clearance::Clear(_)));
    drop(alone);
    vault.client("1234-mobile").await;
    vault.connected().await;

    let with_a_sibling = vault.clear(&lease).await;

    assert!(matches!(with_a_sibling, Clearance::Siblings));
}

#[tokio::test]
async fn a_sibling_that_only_the_user_can_bring_back_has_nothing_to_lose() {
    let vault = Fixture::new().await;
    let [deleted, broken, stuck] = vault.three().await;
    vault
        .execute(
            "UPDATE credential SET state = 'needs_reconnect', cause = 'unknown'
             WHERE integration_id = $1",
            &broken,
        )
        .await;
    vault
        .execute(
            "UPDATE credential SET state = 'needs_operator', cause = 'internal'
             WHERE integration_id = $1",
            &stuck,
        )
        .await;
    let lease = vault.deleted(&deleted).await;
    let with_both = vault.clear(&lease).await;
    vault.auth.delete(&stuck).await.unwrap();

    let with_the_broken_one = vault.clear(&lease).await;

    assert!(matches!(with_both, Clearance::Siblings));
    assert!(matches!(with_the_broken_one, Clearance::Clear(_)));
}

#[tokio::test]
async fn a_dropped_guard_decides_nothing() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.deleted(&integration).await;
    let before = row(&vault.sql, &integration).await;

    drop(vault.guard(&lease).await);

    vault.guard(&lease).await;
    assert_eq!(row(&vault.sql, &integration).await, before);
}

#[tokio::test]
async fn a_revocation_whose_lease_was_lost_is_not_cleared() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lost = vault.deleted(&integration).await;
    vault.end_lease(&integration).await;
    vault.revocation(&integration).await;

    let clearance = vault.clear(&lost).await;

    assert!(matches!(clearance, Clearance::AlreadyDone));
}

#[tokio::test]
async fn whoever_connects_the_account_waits_for_a_revocation_that_is_being_sent() {
    let vault = Fixture::new().await;
    let deleted = vault.connected().await;
    let lease = vault.deleted(&deleted).await;
    let guard = vault.guard(&lease).await;
    let grant = vault.grant(&new_integration()).await;
    let auth = vault.auth.clone();
    let connecting = tokio::spawn(async move { store(&auth, &grant).await.unwrap() });
    a_waiter(&vault.sql).await;

    vault.refresher.finish_account(&lease, guard).await.unwrap();

    assert_eq!(connecting.await.unwrap(), Connected::Stored);
}

#[tokio::test]
async fn a_deletion_waits_neither_for_the_revocation_nor_for_who_waits_for_it() {
    let vault = Fixture::new().await;
    let deleted = vault.connected().await;
    let lease = vault.deleted(&deleted).await;
    let guard = vault.guard(&lease).await;
    let sibling = new_integration();
    let grant = vault.grant(&sibling).await;
    let auth = vault.auth.clone();
    let connecting = tokio::spawn(async move { store(&auth, &grant).await.unwrap() });
    a_waiter(&vault.sql).await;

    vault.auth.delete(&sibling).await.unwrap();

    assert!(!connecting.is_finished());
    drop(guard);
    assert_eq!(connecting.await.unwrap(), Connected::Deleted);
}

#[tokio::test]
async fn a_late_grant_of_the_deleted_integration_outlives_the_revocation_before_it() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.deleted(&integration).await;
    let guard = vault.guard(&lease).await;
    let mut grant = vault.grant(&integration).await;
    grant.tokens = tokens("2");
    let auth = vault.auth.clone();
    let connecting = tokio::spawn(async move { store(&auth, &grant).await.unwrap() });
    a_waiter(&vault.sql).await;

    vault.refresher.finish_account(&lease, guard).await.unwrap();

    assert_eq!(connecting.await.unwrap(), Connected::Deleted);
    let lease = vault.revocation(&integration).await;
    assert_eq!(lease.refresh_token.unwrap().expose(), "refresh-2");
}
