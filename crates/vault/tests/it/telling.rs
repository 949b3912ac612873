//! Every change of a credential's state is an event.

use workapi_providers::{Action, Cause};
use workapi_types::IntegrationId;
use workapi_vault::{ProviderRevocation, Retry, RotationStart, State};

use crate::credential::row;
use crate::fixture::{DEADLINE, Fixture};

impl Fixture {
    /// Lets three jobs of `integration` die with their process, and begins a fourth.
    pub(crate) async fn poison(&self, integration: &IntegrationId) -> RotationStart {
        for _ in 0..3 {
            self.lease(integration).await;
            self.end_lease(integration).await;
        }
        let job = self.job(integration).await;
        self.refresher.start_rotation(&job, DEADLINE).await.unwrap()
    }
}

#[tokio::test]
async fn every_change_of_state_is_told() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut states = vec![row(&vault.sql, &integration).await.state];
    let mut note = async || states.push(row(&vault.sql, &integration).await.state);

    vault.expire(&integration).await;
    vault
        .fail_for(&integration, Cause::RateLimited, Action::Wait)
        .await;
    note().await;
    vault.rotate(&integration, "n").await;
    note().await;
    vault
        .fail_for(&integration, Cause::Unknown, Action::Reconnect)
        .await;
    note().await;
    vault.connect(&integration).await;
    note().await;
    let start = vault.poison(&integration).await;
    note().await;
    let retry = vault.auth.retry(&integration).await.unwrap();
    note().await;
    vault.rotate(&integration, "n").await;
    note().await;
    vault.auth.delete(&integration).await.unwrap();
    let lease = vault.revocation(&integration).await;
    let finish = vault
        .refresher
        .finish_revocation(&lease, ProviderRevocation::Done);
    finish.await.unwrap();
    note().await;

    assert!(matches!(start, RotationStart::Poisoned));
    assert_eq!(retry, Retry::Due(State::RefreshFailing));
    assert_eq!(
        states,
        [
            "active",
            "refresh_failing",
            "active",
            "needs_reconnect",
            "active",
            "needs_operator",
            "refresh_failing",
            "active",
            "revoked",
        ]
    );
    assert_eq!(
        vault.events().await,
        [
            "connected",
            "refresh_failing",
            "refreshed",
            "needs_reconnect",
            "connected",
            "needs_operator",
            "refresh_failing",
            "refreshed",
            "revoked",
        ]
    );
}
