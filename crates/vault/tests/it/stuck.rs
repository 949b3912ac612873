//! Credentials that have not moved on, and how an operator moves them.

use workapi_proto::events::v1::CredentialStateChanged;
use workapi_providers::{Action, Cause};
use workapi_types::IntegrationId;
use workapi_vault::{Retry, RotationStart, State, StuckReason};

use crate::credential::{assert_about, row, times};
use crate::fixture::{Fixture, new_integration};

impl Fixture {
    async fn stuck(&self) -> Vec<(IntegrationId, StuckReason)> {
        let stuck = self.auth.stuck(100).await.unwrap();
        stuck
            .into_iter()
            .map(|found| (found.integration_id, found.reason))
            .collect()
    }
}

#[tokio::test]
async fn what_goes_its_way_is_not_stuck() {
    let vault = Fixture::new().await;
    vault.connected().await;
    let leased = vault.connected().await;
    vault.lease(&leased).await;
    let deleted = vault.connected().await;
    vault.auth.delete(&deleted).await.unwrap();

    assert_eq!(vault.stuck().await, []);
}

#[tokio::test]
async fn each_way_to_be_stuck_is_found_the_longest_first() {
    let vault = Fixture::new().await;
    let given_up = vault.connected().await;
    assert!(matches!(
        vault.poison(&given_up).await,
        RotationStart::Poisoned
    ));
    // The three jobs that died left their attempts behind, which are of this generation.
    sqlx::query("UPDATE rotation_attempt SET state = 'unknown'")
        .execute(&vault.sql)
        .await
        .unwrap();
    let unresolved = vault.connected().await;
    vault.lease(&unresolved).await;
    sqlx::query(
        "UPDATE rotation_attempt SET sent_at = now() - interval '20 minutes' WHERE state = 'sent'",
    )
    .execute(&vault.sql)
    .await
    .unwrap();
    vault
        .execute(
            "UPDATE credential SET lease_until = now() - interval '15 minutes' WHERE integration_id = $1",
            &unresolved,
        )
        .await;
    let revoking = vault.connected().await;
    vault.auth.delete(&revoking).await.unwrap();
    vault
        .execute(
            "UPDATE credential SET state_since = now() - interval '2 hours' WHERE integration_id = $1",
            &revoking,
        )
        .await;
    let overdue = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET due_at = now() - interval '6 minutes' WHERE integration_id = $1",
            &overdue,
        )
        .await;

    let stuck = vault.stuck().await;

    assert_eq!(
        stuck,
        [
            (revoking, StuckReason::Revoking),
            (unresolved, StuckReason::Unresolved),
            (overdue, StuckReason::Overdue),
            (given_up, StuckReason::GivenUp),
        ]
    );
    assert_eq!(vault.auth.stuck(2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_attempt_whose_generation_is_over_is_nobodys_worry() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.lease(&integration).await;
    vault.end_lease(&integration).await;
    vault.rotate(&integration, "n").await;
    sqlx::query("UPDATE rotation_attempt SET sent_at = now() - interval '1 day'")
        .execute(&vault.sql)
        .await
        .unwrap();

    assert_eq!(vault.stuck().await, []);
}

#[tokio::test]
async fn fm_11_what_was_given_up_is_tried_again_when_an_operator_says_so() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.poison(&integration).await;

    let retry = vault.auth.retry(&integration).await.unwrap();

    assert_eq!(retry, Retry::Due(State::RefreshFailing));
    let event: CredentialStateChanged = vault.last_event().await;
    assert_eq!(event.state, "refresh_failing");
    assert_eq!(
        (event.cause.as_str(), event.action.as_str()),
        ("internal", "wait")
    );
    assert_about(times(&vault.sql, &integration).await.due_in, 0.0);
    let claims = vault.claim_due(10).await;
    assert_eq!(claims[0].integration_id, integration);
    vault.rotate(&integration, "n").await;
    let row = row(&vault.sql, &integration).await;
    assert_eq!((row.state.as_str(), row.unfinished_jobs), ("active", 0));
}

#[tokio::test]
async fn a_retry_of_what_only_waits_changes_no_state_and_tells_nothing() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let before = vault.events().await;

    let retry = vault.auth.retry(&integration).await.unwrap();
    let again = vault.auth.retry(&integration).await.unwrap();

    assert_eq!(retry, Retry::Due(State::Active));
    assert_eq!(again, retry);
    assert_about(times(&vault.sql, &integration).await.due_in, 0.0);
    assert_eq!(vault.events().await, before);
}

#[tokio::test]
async fn a_retry_takes_no_lease_away() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;

    vault.auth.retry(&integration).await.unwrap();

    let returned = vault
        .refresher
        .postpone(&lease, std::time::Duration::ZERO)
        .await;
    returned.unwrap();
    assert_eq!(vault.attempt(&lease).await, "not_sent");
    let row = row(&vault.sql, &integration).await;
    assert_eq!((row.lease_token, row.unfinished_jobs), (None, 0));
}

#[tokio::test]
async fn what_an_operator_cannot_bring_back_is_left_as_it_is() {
    let vault = Fixture::new().await;
    let rejected = vault.connected().await;
    vault
        .fail_for(&rejected, Cause::Unknown, Action::Reconnect)
        .await;
    let shredded = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET state = 'revoked' WHERE integration_id = $1",
            &shredded,
        )
        .await;
    let without_refresh_token = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET sealed_refresh = NULL, due_at = NULL WHERE integration_id = $1",
            &without_refresh_token,
        )
        .await;

    for (integration, expected) in [
        (&rejected, Retry::NeedsReconnect),
        (&shredded, Retry::Revoked),
        (&without_refresh_token, Retry::NoRefreshToken),
    ] {
        let before = row(&vault.sql, integration).await;

        let retry = vault.auth.retry(integration).await.unwrap();

        assert_eq!(retry, expected);
        assert_eq!(row(&vault.sql, integration).await, before);
    }
    let missing = vault.auth.retry(&new_integration()).await.unwrap();
    assert_eq!(missing, Retry::Missing);
}
