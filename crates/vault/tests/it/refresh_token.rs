//! An answer without a refresh token: the stored one goes on where the provider still honours it.

use std::time::Duration;

use workapi_types::IntegrationId;
use workapi_vault::{Connected, NewGrant, Settled};

use crate::credential::{assert_about, row, times};
use crate::fixture::{Fixture, new_integration, store, tokens};

async fn grant_without_refresh_token(vault: &Fixture, integration: &IntegrationId) -> NewGrant {
    let mut grant = vault.grant(integration).await;
    grant.tokens.refresh_token = None;
    grant
}

#[tokio::test]
async fn fm_14_a_grant_without_a_refresh_token_is_refused_when_none_is_stored() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let grant = grant_without_refresh_token(&vault, &integration).await;

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::NoRefreshToken);
    assert_eq!(vault.count("SELECT count(*) FROM credential").await, 0);
    assert!(vault.events().await.is_empty());
}

#[tokio::test]
async fn the_live_one_of_the_same_client_goes_on_under_the_new_grant() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let grant = grant_without_refresh_token(&vault, &integration).await;

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::Stored);
    let lease = vault.lease(&integration).await;
    assert_eq!(lease.grant_id, grant.grant_id);
    assert_eq!(lease.refresh_token.expose(), "refresh-1");
}

#[tokio::test]
async fn one_that_works_once_and_may_be_spent_right_now_does_not_go_on() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let grant = grant_without_refresh_token(&vault, &integration).await;
    let lease = vault.lease(&integration).await;

    let leased = store(&vault.auth, &grant).await;
    vault.end_lease(&integration).await;
    let unresolved = store(&vault.auth, &grant).await;
    let answer = vault.refresher.seal_answer(&lease, &tokens("2")).unwrap();
    let settled = vault.refresher.commit_rotation(&lease, &answer, None).await;
    let resolved = store(&vault.auth, &grant).await;

    assert_eq!(leased.unwrap(), Connected::NoRefreshToken);
    assert_eq!(unresolved.unwrap(), Connected::NoRefreshToken);
    assert_eq!(settled.unwrap(), Settled::Committed);
    assert_eq!(resolved.unwrap(), Connected::Stored);
    let lease = vault.lease(&integration).await;
    assert_eq!(lease.refresh_token.expose(), "refresh-2");
}

#[tokio::test]
async fn one_that_works_again_goes_on_whatever_a_rotation_does() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut grant = grant_without_refresh_token(&vault, &integration).await;
    grant.single_use = false;
    vault.lease(&integration).await;

    let connected = store(&vault.auth, &grant).await;

    assert_eq!(connected.unwrap(), Connected::Stored);
}

#[tokio::test]
async fn the_one_that_goes_on_keeps_its_end() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let mut first = vault.grant(&integration).await;
    first.tokens.refresh_expires_in = Some(Duration::from_hours(24));
    store(&vault.auth, &first).await.unwrap();
    let second = grant_without_refresh_token(&vault, &integration).await;

    store(&vault.auth, &second).await.unwrap();

    let kept = times(&vault.sql, &integration).await.refresh_expires_in;
    assert_about(kept, 86400.0);
    vault.connect(&integration).await;
    let replaced = times(&vault.sql, &integration).await.refresh_expires_in;
    assert_eq!(replaced, None);
}

#[tokio::test]
async fn one_that_is_bound_to_another_client_does_not_help() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let before = row(&vault.sql, &integration).await;
    vault.client("another-client").await;
    let grant = grant_without_refresh_token(&vault, &integration).await;

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::NoRefreshToken);
    assert_eq!(row(&vault.sql, &integration).await, before);
}

#[tokio::test]
async fn one_that_the_provider_rejected_does_not_help() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET state = 'needs_reconnect', cause = 'unknown'
             WHERE integration_id = $1",
            &integration,
        )
        .await;
    let grant = grant_without_refresh_token(&vault, &integration).await;

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::NoRefreshToken);
}

#[tokio::test]
async fn one_that_is_past_its_end_does_not_help() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET refresh_expires_at = now() - interval '1 second'
             WHERE integration_id = $1",
            &integration,
        )
        .await;
    let grant = grant_without_refresh_token(&vault, &integration).await;

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::NoRefreshToken);
}
