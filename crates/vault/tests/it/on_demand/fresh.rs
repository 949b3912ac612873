//! Tokens that are there, and why others are not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use workapi_keyring::KeyRing;
use workapi_providers::{Action, Cause};
use workapi_testkit::{Proxy, postgres_url};
use workapi_vault::{AccessVault, CONNECTORS_ROLE, OnDemand, OnDemandError};

use super::{bus, token};
use crate::fixture::{Fixture, LIFE, new_integration, store};

const NEEDS_RECONNECT: &str = "UPDATE credential
     SET state = 'needs_reconnect', cause = 'revoked_by_user', due_at = NULL
     WHERE integration_id = $1";
const NEEDS_OPERATOR: &str = "UPDATE credential
     SET state = 'needs_operator', cause = 'admin_policy', due_at = NULL
     WHERE integration_id = $1";

#[tokio::test]
async fn a_fresh_token_is_opened_with_the_keys_of_access_tokens_alone() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let vault = fixture.access_vault(&bus().await).await;

    let granted = token(&vault, &integration).await.unwrap();

    assert_eq!(granted.token.expose(), "access-1");
    assert_eq!(granted.generation, 1);
    let left = granted.expires_at - Instant::now();
    assert!(left <= LIFE && left > Duration::from_mins(59), "{left:?}");
}

#[tokio::test]
async fn without_a_key_for_access_tokens_the_vault_stays_closed() {
    let fixture = Fixture::new().await;
    let database = fixture.database_as(CONNECTORS_ROLE).await;
    let no_access = fixture.keys.replace("\"access\"", "\"state\"");
    let keyring = Arc::new(KeyRing::parse(&no_access).unwrap());

    let refused = AccessVault::open(OnDemand::new(database, bus().await), keyring);

    assert!(refused.is_err());
}

#[tokio::test]
async fn what_is_not_connected_or_deleted_has_no_token() {
    let fixture = Fixture::new().await;
    let deleted = fixture.connected().await;
    fixture.auth.delete(&deleted).await.unwrap();
    let vault = fixture.access_vault(&bus().await).await;

    let pending = token(&vault, &new_integration()).await.unwrap_err();
    let deleted = token(&vault, &deleted).await.unwrap_err();

    assert!(matches!(pending, OnDemandError::NotConnected), "{pending}");
    assert_eq!(pending.action(), Action::Reconnect);
    assert!(matches!(deleted, OnDemandError::Deleted), "{deleted}");
    assert_eq!(deleted.retry_after(), None);
}

#[tokio::test]
async fn a_token_is_served_to_its_end_whatever_its_credential_needs() {
    let fixture = Fixture::new().await;
    let vault = fixture.access_vault(&bus().await).await;
    for (state, action, cause) in [
        (NEEDS_RECONNECT, Action::Reconnect, Cause::RevokedByUser),
        (NEEDS_OPERATOR, Action::Operator, Cause::AdminPolicy),
    ] {
        let integration = fixture.connected().await;
        fixture.execute(state, &integration).await;
        fixture.age(&integration, 30.0).await;

        let served = token(&vault, &integration).await.unwrap();
        fixture.age(&integration, -1.0).await;
        let refused = token(&vault, &integration).await.unwrap_err();

        assert_eq!(served.token.expose(), "access-1");
        assert_eq!(refused.action(), action);
        assert_eq!(refused.cause(), Some(cause));
        assert_eq!(refused.retry_after(), None);
    }
}

#[tokio::test]
async fn without_a_refresh_token_only_the_user_helps() {
    let fixture = Fixture::new().await;
    let integration = new_integration();
    let mut grant = fixture.grant(&integration).await;
    grant.tokens.refresh_token = None;
    grant.offline = false;
    store(&fixture.auth, &grant).await.unwrap();
    let vault = fixture.access_vault(&bus().await).await;
    fixture.age(&integration, 30.0).await;

    let served = token(&vault, &integration).await;
    fixture.age(&integration, -1.0).await;
    let refused = token(&vault, &integration).await.unwrap_err();

    assert!(served.is_ok());
    assert_eq!(refused.action(), Action::Reconnect);
}

#[tokio::test]
async fn without_the_database_callers_are_told_to_come_back() {
    let way = Proxy::open(&postgres_url()).await;
    let fixture = Fixture::over(Some(&way)).await;
    let integration = fixture.connected().await;
    let vault = fixture.access_vault(&bus().await).await;
    way.cut().await;

    let away = token(&vault, &integration).await.unwrap_err();
    way.reopen().await;
    let back = token(&vault, &integration).await;

    assert_eq!(away.action(), Action::Wait);
    assert!(away.retry_after().is_some(), "{away}");
    assert!(back.is_ok());
}
