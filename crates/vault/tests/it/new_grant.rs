//! Connecting again: a new grant takes the place of an older one, never of a newer one.

use tokio::task::JoinSet;
use workapi_providers::{Action, Cause};
use workapi_types::{GrantId, IntegrationId};
use workapi_vault::{Connected, Failure, NewGrant};

use crate::credential::{row, times};
use crate::fixture::{Fixture, new_integration, store, tokens};

#[tokio::test]
async fn a_new_grant_brings_a_broken_credential_back() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    let failure = Failure {
        cause: Cause::RevokedByUser,
        action: Action::Reconnect,
        retry_after: None,
        rejected: true,
        keeps_lease: false,
    };
    vault
        .refresher
        .record_failure(&lease, &failure)
        .await
        .unwrap();
    let before = row(&vault.sql, &integration).await;
    let mut grant = vault.grant(&integration).await;
    grant.tokens = tokens("2");

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::Stored);
    let after = row(&vault.sql, &integration).await;
    assert_eq!(before.state, "needs_reconnect");
    assert_eq!((after.state.as_str(), after.cause), ("active", None));
    assert_eq!(after.grant_id, grant.grant_id.as_uuid());
    assert_eq!((after.generation, after.failures), (1, 0));
    assert_ne!(after.salt, before.salt);
    assert!(times(&vault.sql, &integration).await.due_in.unwrap() > 2600.0);
    let lease = vault.lease(&integration).await;
    assert_eq!(lease.refresh_token.expose(), "refresh-2");
    assert_eq!(
        vault.events().await,
        ["connected", "needs_reconnect", "connected"]
    );
}

#[tokio::test]
async fn a_new_grant_voids_the_claims_and_the_lease_of_the_old_one() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.lease(&integration).await;
    let before = row(&vault.sql, &integration).await;

    vault.connect(&integration).await;

    let after = row(&vault.sql, &integration).await;
    assert!(before.lease_token.is_some());
    assert_eq!((after.lease_token, after.unfinished_jobs), (None, 0));
    assert!(after.claim_seq > before.claim_seq);
}

#[tokio::test]
async fn an_older_consent_that_arrives_late_does_not_replace_a_newer_one() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let (first, second) = grants_in_order(&vault, &integration).await;
    store(&vault.auth, &second).await.unwrap();
    let before = row(&vault.sql, &integration).await;

    let connected = store(&vault.auth, &first).await.unwrap();

    assert_eq!(connected, Connected::Superseded);
    assert_eq!(row(&vault.sql, &integration).await, before);
    assert_eq!(vault.events().await, ["connected"]);
}

#[tokio::test]
async fn of_consents_that_arrive_at_once_the_newest_stands() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let mut connecting = JoinSet::new();
    let mut newest = None;
    for _ in 0..20 {
        let grant = vault.grant(&integration).await;
        newest = newest.max(Some(grant.grant_id));
        let auth = vault.auth.clone();
        connecting.spawn(async move { store(&auth, &grant).await.unwrap() });
    }

    let connected = connecting.join_all().await;

    let row = row(&vault.sql, &integration).await;
    assert_eq!(Some(row.grant_id), newest.map(GrantId::as_uuid));
    let stored = connected.iter().filter(|end| **end == Connected::Stored);
    assert_eq!(stored.count(), vault.events().await.len());
    let ends = [Connected::Stored, Connected::Superseded];
    assert!(connected.iter().all(|end| ends.contains(end)));
}

#[tokio::test]
async fn accounts_that_race_for_an_integration_leave_one_of_them() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let mut connecting = JoinSet::new();
    for n in 0..10 {
        let mut grant = vault.grant(&integration).await;
        grant.grant.provider_subject = format!("subject-{n}");
        let auth = vault.auth.clone();
        connecting.spawn(async move { store(&auth, &grant).await.unwrap() });
    }

    let connected = connecting.join_all().await;

    let stored = connected.iter().filter(|end| **end == Connected::Stored);
    assert_eq!(stored.count(), 1);
    let refused = connected
        .iter()
        .filter(|end| **end == Connected::AccountMismatch);
    assert_eq!(refused.count(), 9);
}

/// Returns two grants of which the second is the newer one: ids of one millisecond have no order.
async fn grants_in_order(vault: &Fixture, integration: &IntegrationId) -> (NewGrant, NewGrant) {
    let one = vault.grant(integration).await;
    let other = vault.grant(integration).await;
    if one.grant_id < other.grant_id {
        (one, other)
    } else {
        (other, one)
    }
}
