//! Rejections that no rule knows.

use workapi_providers::{Action, Cause};
use workapi_vault::{Failure, State};

use crate::credential::{row, times};
use crate::fixture::Fixture;

/// An answer that no rule knows.
const UNKNOWN: Failure = Failure {
    cause: Cause::Unknown,
    action: Action::Wait,
    retry_after: None,
    rejected: true,
    keeps_lease: false,
};

#[tokio::test]
async fn fm_11_an_unknown_rejection_is_tried_three_times_in_a_day_and_then_ends() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut waits = Vec::new();

    for _ in 0..2 {
        let state = vault.fail(&integration, &UNKNOWN).await;
        assert_eq!(state, Some(State::Active));
        let due_in = times(&vault.sql, &integration).await.due_in.unwrap();
        waits.push((due_in / 3600.0).round());
        let earlier = "UPDATE rejection SET since = since - interval '12 hours'
                       WHERE integration_id = $1";
        vault.execute(earlier, &integration).await;
    }
    let state = vault.fail(&integration, &UNKNOWN).await;

    assert!(waits[0] <= 1.0 && waits[1] >= 23.0, "{waits:?}");
    assert_eq!(state, Some(State::NeedsOperator));
    let row = row(&vault.sql, &integration).await;
    assert_eq!(row.cause.as_deref(), Some("unknown"));
    assert_eq!(times(&vault.sql, &integration).await.due_in, None);
    assert_eq!(vault.events().await, ["connected", "needs_operator"]);
}

#[tokio::test]
async fn fm_11_three_tries_within_a_day_end_nothing() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;

    for _ in 0..4 {
        assert_eq!(
            vault.fail(&integration, &UNKNOWN).await,
            Some(State::Active)
        );
    }
}

#[tokio::test]
async fn fm_11_unknown_rejections_of_an_older_grant_do_not_count() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    for _ in 0..2 {
        vault.fail(&integration, &UNKNOWN).await;
    }
    let earlier = "UPDATE rejection SET since = since - interval '2 days'
                   WHERE integration_id = $1";
    vault.execute(earlier, &integration).await;
    vault.connect(&integration).await;

    let state = vault.fail(&integration, &UNKNOWN).await;

    assert_eq!(state, Some(State::Active));
}
