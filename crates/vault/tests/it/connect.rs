//! Connecting an integration for the first time, and being refused.

use std::time::Duration;

use workapi_proto::events::v1::CredentialConnected;
use workapi_types::ProviderConfigId;
use workapi_vault::{Connected, RotationStart};

use crate::credential::{assert_about, find_row, row, times};
use crate::fixture::{DEADLINE, Fixture, new_integration, store, tokens};

#[tokio::test]
async fn a_first_grant_is_stored_with_its_event_and_its_outcome() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let grant = vault.grant(&integration).await;

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::Stored);
    let row = row(&vault.sql, &integration).await;
    assert_eq!(row.grant_id, grant.grant_id.as_uuid());
    assert_eq!(row.generation, 1);
    assert_eq!((row.state.as_str(), row.cause), ("active", None));
    assert_eq!(row.granted_scopes, "email profile");
    let event: CredentialConnected = vault.last_event().await;
    assert_eq!(event.integration_id, integration.as_str());
    assert_eq!(event.environment_guid, vault.environment.to_string());
    assert_eq!(event.provider, "sandbox");
    assert_eq!(event.grant_id, grant.grant_id.to_string());
    assert_eq!(event.granted_scopes, "email profile");
    let outcome = vault.auth.recent_outcome(grant.state_hash).await.unwrap();
    assert_eq!(outcome.as_deref(), Some("success"));
    let lease = vault.lease(&integration).await;
    assert_eq!(lease.refresh_token.expose(), "refresh-1");
}

#[tokio::test]
async fn a_credential_is_due_after_75_to_85_percent_of_its_life() {
    let vault = Fixture::new().await;

    let integration = vault.connected().await;

    let times = times(&vault.sql, &integration).await;
    assert!((2680.0..=3060.0).contains(&times.refresh_in), "{times:?}");
    assert_about(times.due_in, times.refresh_in);
    assert!(
        (3580.0..=3600.0).contains(&times.access_expires_in),
        "{times:?}"
    );
    assert_eq!(times.refresh_expires_in, None);
}

#[tokio::test]
async fn lifetimes_count_from_the_receipt() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let mut grant = vault.grant(&integration).await;
    grant.tokens.received_at -= Duration::from_mins(10);
    grant.tokens.refresh_expires_in = Some(Duration::from_hours(24));

    store(&vault.auth, &grant).await.unwrap();

    let times = times(&vault.sql, &integration).await;
    assert!(
        (2980.0..=3000.0).contains(&times.access_expires_in),
        "{times:?}"
    );
    assert!((2080.0..=2460.0).contains(&times.refresh_in), "{times:?}");
    let refresh_expires_in = times.refresh_expires_in.unwrap();
    assert!(
        (85780.0..=85800.0).contains(&refresh_expires_in),
        "{times:?}"
    );
}

#[tokio::test]
async fn a_lifetime_beyond_every_calendar_is_stored_as_a_very_long_one() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let mut grant = vault.grant(&integration).await;
    grant.tokens.expires_in = Duration::from_secs(u64::MAX);
    grant.tokens.refresh_expires_in = Some(Duration::from_secs(u64::MAX));

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::Stored);
    let times = times(&vault.sql, &integration).await;
    assert!(times.refresh_in > 365.0 * 86400.0, "{times:?}");
}

#[tokio::test]
async fn scopes_that_the_provider_names_are_stored_instead_of_those_asked_for() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let mut grant = vault.grant(&integration).await;
    grant.tokens.scopes = Some("email".parse().unwrap());

    store(&vault.auth, &grant).await.unwrap();

    assert_eq!(row(&vault.sql, &integration).await.granted_scopes, "email");
    let event: CredentialConnected = vault.last_event().await;
    assert_eq!(event.granted_scopes, "email");
}

#[tokio::test]
async fn connecting_twice_with_one_grant_stores_it_once() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let grant = vault.connect(&integration).await;
    let before = row(&vault.sql, &integration).await;

    let again = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(again, Connected::Stored);
    assert_eq!(row(&vault.sql, &integration).await, before);
    assert_eq!(vault.events().await, ["connected"]);
}

#[tokio::test]
async fn another_account_is_refused_and_nothing_is_stored() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    vault.connect(&integration).await;
    let before = row(&vault.sql, &integration).await;
    let mut grant = vault.grant(&integration).await;
    grant.grant.provider_subject = "https://issuer.example bo".to_owned();
    grant.provider_id = "bo@example.test".to_owned();
    grant.tokens = tokens("bo");

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::AccountMismatch);
    assert_eq!(row(&vault.sql, &integration).await, before);
    assert_eq!(vault.events().await, ["connected"]);
    let told = vault.count("SELECT count(*) FROM account_projection WHERE provider_id LIKE 'bo@%'");
    assert_eq!(told.await, 0);
    let outcome = vault.auth.recent_outcome(grant.state_hash).await.unwrap();
    assert_eq!(outcome, None);
}

#[tokio::test]
async fn without_offline_access_no_refresh_token_is_owed_and_nothing_is_due() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let mut grant = vault.grant(&integration).await;
    grant.offline = false;
    grant.tokens.refresh_token = None;

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::Stored);
    assert_eq!(row(&vault.sql, &integration).await.sealed_refresh, None);
    assert_eq!(times(&vault.sql, &integration).await.due_in, None);
    let job = vault.job(&integration).await;
    let start = vault
        .refresher
        .start_rotation(&job, DEADLINE)
        .await
        .unwrap();
    assert!(matches!(start, RotationStart::NothingDue));
}

#[tokio::test]
async fn a_failed_connect_leaves_nothing_behind() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let mut grant = vault.grant(&integration).await;
    grant.grant.provider_config_id = ProviderConfigId::random();

    let connected = store(&vault.auth, &grant).await;

    assert!(!connected.unwrap_err().is_unavailable());
    assert_eq!(find_row(&vault.sql, &integration).await, None);
    assert_eq!(
        vault.count("SELECT count(*) FROM account_projection").await,
        0
    );
    assert!(vault.events().await.is_empty());
}
