//! What a developer may know about a credential.

use std::time::Duration;

use workapi_proto::events::v1::CredentialRefreshed;
use workapi_providers::{Action, Cause};
use workapi_types::IntegrationId;
use workapi_vault::{CredentialStatus, Failure, State};

use crate::fixture::{Fixture, new_integration, tokens};

const KEEP: Duration = Duration::from_mins(1);

impl Fixture {
    async fn status(&self, integration: &IntegrationId) -> CredentialStatus {
        let status = self.auth.status(integration).await.unwrap();
        status.expect("the integration was connected")
    }

    /// Refreshes `integration` with what the provider says that it grants now.
    async fn refresh_with(&self, integration: &IntegrationId, scopes: Option<&str>) {
        let lease = self.lease(integration).await;
        let mut received = tokens("2");
        received.scopes = scopes.map(|scopes| scopes.parse().unwrap());
        let answer = self.refresher.seal_answer(&lease, &received).unwrap();
        let commit = self.refresher.commit_rotation(&lease, &answer, Some(KEEP));
        commit.await.unwrap();
    }

    pub(crate) async fn fail_for(&self, integration: &IntegrationId, cause: Cause, action: Action) {
        let lease = self.lease(integration).await;
        let failure = Failure {
            cause,
            action,
            retry_after: None,
            rejected: true,
            keeps_lease: false,
        };
        let recorded = self.refresher.record_failure(&lease, &failure).await;
        recorded.unwrap();
    }

    /// Opens or closes the breaker of the only provider config.
    pub(crate) async fn set_breaker(&self, open: bool) {
        let statement = if open {
            "INSERT INTO provider_breaker (provider_config_id, probe_at, config_updated_at)
             SELECT id, now() + interval '1 hour', updated_at
             FROM provider_config
             ON CONFLICT (provider_config_id) DO UPDATE SET probe_at = EXCLUDED.probe_at"
        } else {
            "DELETE FROM provider_breaker"
        };
        let set = sqlx::query(statement).execute(&self.sql).await;
        assert_eq!(set.unwrap().rows_affected(), 1);
    }
}

#[tokio::test]
async fn what_was_never_connected_has_no_status() {
    let vault = Fixture::new().await;

    let status = vault.auth.status(&new_integration()).await.unwrap();

    assert_eq!(status, None);
}

#[tokio::test]
async fn a_connected_integration_is_active_since_its_consent() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;

    let status = vault.status(&integration).await;

    assert_eq!((status.state, status.cause), (State::Active, None));
    assert_eq!(status.action, Action::None);
    assert_eq!(status.since, status.last_success_at);
    let life = (status.access_expires_at - status.since).as_seconds_f64();
    assert!((3590.0..=3601.0).contains(&life), "{life}");
    assert_eq!(status.scopes_asked.to_string(), "email profile");
    assert_eq!(status.scopes_granted, status.scopes_asked);
}

#[tokio::test]
async fn each_state_says_who_has_to_act() {
    let vault = Fixture::new().await;
    for (cause, action, state) in [
        (
            Cause::ProviderUnavailable,
            Action::Wait,
            State::RefreshFailing,
        ),
        (
            Cause::OperatorConfig,
            Action::Operator,
            State::RefreshFailing,
        ),
        (
            Cause::RevokedByUser,
            Action::Reconnect,
            State::NeedsReconnect,
        ),
    ] {
        let integration = vault.connected().await;
        let before = vault.status(&integration).await;
        vault.expire(&integration).await;
        vault.fail_for(&integration, cause, action).await;

        let status = vault.status(&integration).await;

        assert_eq!((status.state, status.cause), (state, Some(cause)));
        assert_eq!(status.action, action);
        assert!(status.since > before.since);
        assert_eq!(status.last_success_at, before.last_success_at);
    }
}

#[tokio::test]
async fn an_open_breaker_lies_over_the_state_and_leaves_it_as_it_is() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let before = vault.status(&integration).await;

    vault.set_breaker(true).await;
    let during = vault.status(&integration).await;
    vault.set_breaker(false).await;
    let after = vault.status(&integration).await;

    let overlaid = CredentialStatus {
        cause: Some(Cause::OperatorConfig),
        action: Action::Operator,
        ..before.clone()
    };
    assert_eq!(during, overlaid);
    assert_eq!(after, before);
}

#[tokio::test]
async fn fm_13_a_reduced_scope_is_shown_and_told() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;

    vault.refresh_with(&integration, Some("email")).await;

    let told: CredentialRefreshed = vault.last_event().await;
    assert_eq!(told.granted_scopes, "email");
    assert!(told.scopes_changed);
    let status = vault.status(&integration).await;
    assert_eq!(status.scopes_asked.to_string(), "email profile");
    assert_eq!(status.scopes_granted.to_string(), "email");
    // An answer that says nothing of scopes changes none (RFC 6749 section 5.1).
    vault.refresh_with(&integration, None).await;
    let told: CredentialRefreshed = vault.last_event().await;
    assert_eq!(told.granted_scopes, "email");
    assert!(!told.scopes_changed);
}
