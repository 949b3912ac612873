//! One credential with the machinery around it.

use std::sync::Arc;

use workapi_keyring::KeyRing;
use workapi_postgres::{Config, Database};
use workapi_vault::{AUTH_ROLE, State, TOKEN_REFRESHER_ROLE, Vault};

use crate::fixture::{Fixture, new_integration};

#[tokio::test]
async fn an_inspection_shows_lease_attempts_and_when_it_is_due() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.rotate(&integration, "n").await;
    let lease = vault.lease(&integration).await;

    let found = vault.auth.inspect(&integration).await.unwrap().unwrap();

    assert_eq!((found.state, found.cause), (State::Active, None));
    assert_eq!(found.environment_guid, vault.environment);
    assert_eq!((found.grant_id, found.generation), (lease.grant_id, 2));
    assert!(found.lease_until.is_some() && found.due_at.is_some());
    assert!(found.has_refresh_token && !found.breaker_open);
    assert_eq!((found.unfinished_jobs, found.failures), (1, 0));
    assert_eq!((found.revoke_until, found.quarantined), (None, 0));
    let attempts: Vec<_> = found
        .attempts
        .iter()
        .map(|attempt| (attempt.generation, attempt.state.as_str()))
        .collect();
    assert_eq!(attempts, [(2, "sent"), (1, "committed")]);
    assert_eq!(found.attempts[0].attempt_id, lease.attempt_id);
    assert_eq!(found.attempts[0].finished_at, None);
}

#[tokio::test]
async fn a_lease_that_is_over_is_no_lease() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.lease(&integration).await;
    vault.end_lease(&integration).await;

    let found = vault.auth.inspect(&integration).await.unwrap().unwrap();

    assert_eq!(found.lease_until, None);
}

#[tokio::test]
async fn there_is_nothing_to_inspect_where_nothing_was_connected() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let nobody = new_integration();

    let found = vault.auth.inspect(&nobody).await.unwrap();
    let states = vault.auth.job_states(&[nobody, integration.clone()]).await;

    assert!(found.is_none());
    let states = states.unwrap();
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].integration_id, integration);
    assert_eq!(
        (states[0].state, states[0].unfinished_jobs),
        (State::Active, 0)
    );
}

#[tokio::test]
async fn fm_20_what_one_process_refreshed_is_served_by_the_next() {
    let mut vault = Fixture::new().await;
    let (url, keys) = (vault.url.clone(), vault.keys.clone());
    let start = async |role| {
        let config = Config {
            url: url.clone(),
            role: Some(role),
            application_name: "vault-test",
            max_connections: 2,
        };
        let database = Database::connect(&config).await.unwrap();
        Vault::open(database, Arc::new(KeyRing::parse(&keys).unwrap())).unwrap()
    };
    let integration = vault.connected().await;
    vault.rotate(&integration, "n").await;
    let before = vault.auth.status(&integration).await.unwrap();
    vault.auth.database().close().await;
    vault.refresher.database().close().await;

    vault.auth = start(AUTH_ROLE).await;
    vault.refresher = start(TOKEN_REFRESHER_ROLE).await;

    assert_eq!(vault.auth.status(&integration).await.unwrap(), before);
    let lease = vault.lease(&integration).await;
    assert_eq!(lease.generation, 2);
    assert_eq!(lease.refresh_token.expose(), "refresh-n");
}
