//! Rotations that brought no tokens.

use std::time::Duration;

use workapi_proto::events::v1::CredentialStateChanged;
use workapi_providers::{Action, Cause};
use workapi_types::IntegrationId;
use workapi_vault::{Failure, RotationLease, State};

use crate::credential::{assert_about, row, times};
use crate::fixture::{Fixture, tokens};

const OVERLOAD: Failure = Failure {
    cause: Cause::ProviderUnavailable,
    action: Action::Wait,
    retry_after: None,
    rejected: false,
    keeps_lease: false,
};
const INVALID_GRANT: Failure = Failure {
    cause: Cause::RevokedByUser,
    action: Action::Reconnect,
    retry_after: None,
    rejected: true,
    keeps_lease: false,
};

impl Fixture {
    async fn record(&self, lease: &RotationLease, failure: &Failure) -> Option<State> {
        let recorded = self.refresher.record_failure(lease, failure).await;
        recorded.unwrap()
    }

    pub(crate) async fn fail(
        &self,
        integration: &IntegrationId,
        failure: &Failure,
    ) -> Option<State> {
        let lease = self.lease(integration).await;
        self.record(&lease, failure).await
    }
}

#[tokio::test]
async fn while_the_access_token_is_good_a_passing_failure_only_costs_time() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;

    let state = vault.record(&lease, &OVERLOAD).await;

    assert_eq!(state, Some(State::Active));
    let row = row(&vault.sql, &integration).await;
    assert_eq!(
        (row.state.as_str(), row.cause, row.failures),
        ("active", None, 1)
    );
    assert_eq!((row.lease_token, row.unfinished_jobs), (None, 0));
    assert_eq!(vault.attempt(&lease).await, "unknown");
    assert_about(times(&vault.sql, &integration).await.due_in, 6.0);
    assert_eq!(vault.events().await, ["connected"]);
}

#[tokio::test]
async fn once_the_access_token_ran_out_a_passing_failure_is_told() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.expire(&integration).await;

    let state = vault.fail(&integration, &OVERLOAD).await;

    assert_eq!(state, Some(State::RefreshFailing));
    let row = row(&vault.sql, &integration).await;
    assert_eq!(row.cause.as_deref(), Some("provider_unavailable"));
    assert_eq!(vault.events().await, ["connected", "refresh_failing"]);
    let event: CredentialStateChanged = vault.last_event().await;
    assert_eq!(event.integration_id, integration.as_str());
    assert_eq!(event.environment_guid, vault.environment.to_string());
    assert_eq!(event.provider, "sandbox");
    assert_eq!(event.state, "refresh_failing");
    assert_eq!(event.cause, "provider_unavailable");
    assert_eq!(event.action, "wait");
}

#[tokio::test]
async fn a_failure_that_goes_on_is_told_once_and_again_when_its_cause_changes() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.expire(&integration).await;
    let throttled = Failure {
        cause: Cause::RateLimited,
        ..OVERLOAD
    };

    vault.fail(&integration, &OVERLOAD).await;
    vault.fail(&integration, &OVERLOAD).await;
    vault.fail(&integration, &throttled).await;

    assert_eq!(
        vault.events().await,
        ["connected", "refresh_failing", "refresh_failing"]
    );
    let row = row(&vault.sql, &integration).await;
    assert_eq!(row.failures, 3);
    assert_eq!(row.cause.as_deref(), Some("rate_limited"));
}

#[tokio::test]
async fn the_wait_after_a_failure_is_drawn_from_the_wait_before() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut waits = Vec::new();

    for _ in 0..6 {
        vault.fail(&integration, &OVERLOAD).await;
        waits.push(times(&vault.sql, &integration).await.due_in.unwrap());
    }

    assert!(waits[0] <= 6.0, "{waits:?}");
    let grows = waits
        .windows(2)
        .all(|pair| pair[1] <= 3.0 * (pair[0] + 1.0));
    assert!(grows, "{waits:?}");
}

#[tokio::test]
async fn a_rejected_grant_waits_for_the_user() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;

    let state = vault.record(&lease, &INVALID_GRANT).await;

    assert_eq!(state, Some(State::NeedsReconnect));
    let row = row(&vault.sql, &integration).await;
    assert_eq!(row.state, "needs_reconnect");
    assert_eq!(row.cause.as_deref(), Some("revoked_by_user"));
    assert_eq!(vault.attempt(&lease).await, "rejected");
    assert_eq!(times(&vault.sql, &integration).await.due_in, None);
    let event: CredentialStateChanged = vault.last_event().await;
    assert_eq!(event.state, "needs_reconnect");
    assert_eq!(event.action, "reconnect");
}

#[tokio::test]
async fn an_operators_mistake_is_waited_out() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.connected().await;
    vault.expire(&integration).await;
    let wrong_secret = Failure {
        cause: Cause::OperatorConfig,
        action: Action::Operator,
        retry_after: None,
        rejected: true,
        keeps_lease: false,
    };

    let state = vault.fail(&integration, &wrong_secret).await;

    assert_eq!(state, Some(State::RefreshFailing));
    assert!(times(&vault.sql, &integration).await.due_in.is_some());
}

#[tokio::test]
async fn what_an_administrator_forbids_waits_for_an_operator() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let forbidden = Failure {
        cause: Cause::AdminPolicy,
        action: Action::Operator,
        retry_after: None,
        rejected: true,
        keeps_lease: false,
    };

    let state = vault.fail(&integration, &forbidden).await;

    assert_eq!(state, Some(State::NeedsOperator));
    let event: CredentialStateChanged = vault.last_event().await;
    assert_eq!(
        (event.cause.as_str(), event.action.as_str()),
        ("admin_policy", "operator")
    );
}

#[tokio::test]
async fn the_provider_is_left_alone_as_long_as_it_asks_but_not_for_ever() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let asked = |retry_after| Failure {
        retry_after: Some(retry_after),
        ..OVERLOAD
    };

    vault
        .fail(&integration, &asked(Duration::from_mins(10)))
        .await;
    let ten_minutes = times(&vault.sql, &integration).await.due_in;
    vault.fail(&integration, &asked(Duration::MAX)).await;
    let for_ever = times(&vault.sql, &integration).await.due_in;

    assert_about(ten_minutes, 600.0);
    assert_about(for_ever, 86400.0);
}

#[tokio::test]
async fn without_the_lease_a_failure_says_nothing_about_the_credential() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lost = vault.lease(&integration).await;
    vault.end_lease(&integration).await;
    vault.lease(&integration).await;
    let before = row(&vault.sql, &integration).await;

    let state = vault.record(&lost, &INVALID_GRANT).await;

    assert_eq!(state, None);
    assert_eq!(row(&vault.sql, &integration).await, before);
    assert_eq!(vault.attempt(&lost).await, "rejected");
}

#[tokio::test]
async fn a_rejection_of_a_generation_that_is_over_says_nothing_about_the_next() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let loser = vault.lease(&integration).await;
    vault.end_lease(&integration).await;
    let winner = vault.lease(&integration).await;
    let answer = vault.refresher.seal_answer(&winner, &tokens("2")).unwrap();
    let keep = Duration::from_mins(1);
    vault
        .refresher
        .commit_rotation(&winner, &answer, Some(keep))
        .await
        .unwrap();

    let state = vault.record(&loser, &INVALID_GRANT).await;

    assert_eq!(state, None);
    assert_eq!(row(&vault.sql, &integration).await.state, "active");
    assert_eq!(vault.events().await, ["connected", "refreshed"]);
}

#[tokio::test]
async fn a_rejection_of_a_replaced_grant_says_nothing_about_the_new_one() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    vault.connect(&integration).await;

    let state = vault.record(&lease, &INVALID_GRANT).await;

    assert_eq!(state, None);
    assert_eq!(row(&vault.sql, &integration).await.state, "active");
}

#[tokio::test]
async fn a_failure_during_a_deletion_clears_the_way_for_the_revocation() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    vault.auth.delete(&integration).await.unwrap();

    let state = vault.record(&lease, &INVALID_GRANT).await;

    assert_eq!(state, None);
    assert_eq!(row(&vault.sql, &integration).await.state, "revoking");
    assert_about(times(&vault.sql, &integration).await.due_in, 0.0);
    let revocation = vault.revocation(&integration).await;
    assert_eq!(revocation.refresh_token.unwrap().expose(), "refresh-1");
}
