//! Attempts of which nobody knows what became, and what is tried before a grant is called dead.

use std::time::Duration;

use workapi_providers::{Action, Cause};
use workapi_types::IntegrationId;
use workapi_vault::{Failure, RotationLease, RotationStart, Settled, State};

use crate::credential::{assert_about, row, times};
use crate::fixture::{DEADLINE, Fixture, tokens};

const KEEP: Option<Duration> = Some(Duration::from_mins(2));

fn failure(rejected: bool) -> Failure {
    Failure {
        cause: Cause::ProviderUnavailable,
        action: Action::Wait,
        retry_after: None,
        rejected,
        keeps_lease: false,
    }
}

/// Lets two attempts at one generation be answered; the first answer is committed, the second
/// quarantined.
async fn race(vault: &Fixture, integration: &IntegrationId) -> Box<RotationLease> {
    let first = vault.lease(integration).await;
    vault.end_lease(integration).await;
    let second = vault.lease(integration).await;
    for (lease, name) in [(&first, "winner"), (&second, "loser")] {
        let answer = vault.refresher.seal_answer(lease, &tokens(name)).unwrap();
        vault
            .refresher
            .commit_rotation(lease, &answer, KEEP)
            .await
            .unwrap();
    }
    second
}

#[tokio::test]
async fn fm_01_an_attempt_whose_process_died_leaves_its_credential_unresolved() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.lease(&integration).await;
    vault.end_lease(&integration).await;

    let next = vault.lease(&integration).await;

    assert!(next.unresolved.is_some());
    assert_about(Some(next.access_left.as_secs_f64()), 3600.0);
}

#[tokio::test]
async fn fm_01_a_lost_answer_leaves_its_credential_unresolved_and_a_refusal_does_not() {
    let vault = Fixture::new().await;

    for (rejected, unresolved) in [(false, true), (true, false)] {
        let integration = vault.connected().await;
        let lease = vault.lease(&integration).await;
        vault
            .refresher
            .record_failure(&lease, &failure(rejected))
            .await
            .unwrap();

        let next = vault.lease(&integration).await;

        assert_eq!(next.unresolved.is_some(), unresolved, "{rejected}");
        vault.end_lease(&integration).await;
        vault
            .execute(
                "UPDATE credential SET due_at = NULL WHERE integration_id = $1",
                &integration,
            )
            .await;
    }
}

#[tokio::test]
async fn what_was_never_sent_is_not_unresolved() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    let pause = Duration::from_mins(7);

    vault.refresher.postpone(&lease, pause).await.unwrap();

    assert_about(times(&vault.sql, &integration).await.due_in, 420.0);
    assert_eq!(vault.lease(&integration).await.unresolved, None);
}

#[tokio::test]
async fn a_new_generation_resolves_what_was_unknown_of_the_old_one() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.lease(&integration).await;
    vault.end_lease(&integration).await;
    let retry = vault.lease(&integration).await;
    let answer = vault.refresher.seal_answer(&retry, &tokens("2")).unwrap();
    let settled = vault.refresher.commit_rotation(&retry, &answer, KEEP).await;

    let next = vault.lease(&integration).await;

    assert_eq!(settled.unwrap(), Settled::Committed);
    assert_eq!(next.unresolved, None);
}

#[tokio::test]
async fn an_answer_of_which_nothing_was_known_is_committed_when_it_comes_after_all() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    let answer = vault.refresher.seal_answer(&lease, &tokens("2")).unwrap();
    vault
        .refresher
        .record_failure(&lease, &failure(false))
        .await
        .unwrap();

    let settled = vault.refresher.commit_rotation(&lease, &answer, KEEP).await;

    assert_eq!(settled.unwrap(), Settled::Committed);
    assert_eq!(vault.attempt(&lease).await, "committed");
}

#[tokio::test]
async fn an_answer_that_lost_a_race_is_a_second_chance_once() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    race(&vault, &integration).await;
    let lease = vault.lease(&integration).await;

    let chance = vault.refresher.second_chance(&lease, None).await.unwrap();
    let chance = chance.expect("the loser's answer is live");
    let refused = Some(chance.quarantined);
    let another = vault.refresher.second_chance(&chance.lease, refused).await;

    assert_eq!(lease.refresh_token.expose(), "refresh-winner");
    assert_eq!(chance.lease.refresh_token.expose(), "refresh-loser");
    assert!(another.unwrap().is_none());
    assert_eq!(vault.attempt(&lease).await, "rejected");
    assert_eq!(vault.attempt(&chance.lease).await, "sent");
}

#[tokio::test]
async fn fm_05_a_second_chance_has_a_whole_lease() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    race(&vault, &integration).await;
    let lease = vault.lease(&integration).await;
    vault.end_lease(&integration).await;

    let chance = vault.refresher.second_chance(&lease, None).await.unwrap();

    let chance = chance.expect("nobody has taken the lease").lease;
    assert!(chance.leased_at > lease.leased_at);
    let job = vault.job(&integration).await;
    let other = vault.refresher.start_rotation(&job, DEADLINE).await;
    assert!(matches!(other, Ok(RotationStart::NothingDue)), "{other:?}");
}

#[tokio::test]
async fn fm_05_who_has_lost_the_lease_gets_no_second_chance() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    race(&vault, &integration).await;
    let late = vault.lease(&integration).await;
    vault.end_lease(&integration).await;
    vault.lease(&integration).await;
    let attempts = "SELECT count(*) FROM rotation_attempt";
    let before = vault.count(attempts).await;

    let chance = vault.refresher.second_chance(&late, None).await.unwrap();

    assert!(chance.is_none(), "{chance:?}");
    assert_eq!(vault.count(attempts).await, before);
}

#[tokio::test]
async fn a_second_chance_that_works_becomes_the_next_generation() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    race(&vault, &integration).await;
    let lease = vault.lease(&integration).await;
    let chance = vault.refresher.second_chance(&lease, None).await.unwrap();
    let chance = chance.unwrap().lease;
    let answer = vault.refresher.seal_answer(&chance, &tokens("3")).unwrap();

    let settled = vault
        .refresher
        .commit_rotation(&chance, &answer, KEEP)
        .await;

    assert_eq!(settled.unwrap(), Settled::Committed);
    assert_eq!(row(&vault.sql, &integration).await.generation, 3);
    let next = vault.lease(&integration).await;
    assert_eq!(next.refresh_token.expose(), "refresh-3");
}

#[tokio::test]
async fn a_second_chance_ends_with_its_grace_and_with_its_grant() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    race(&vault, &integration).await;
    let of_the_grant = vault.lease(&integration).await;
    vault
        .execute(
            "UPDATE quarantine SET kept_until = now() - interval '1 second'
             WHERE integration_id = $1",
            &integration,
        )
        .await;
    let after_its_grace = vault.refresher.second_chance(&of_the_grant, None).await;
    vault
        .execute(
            "UPDATE quarantine SET kept_until = now() + interval '1 hour'
             WHERE integration_id = $1",
            &integration,
        )
        .await;
    vault.connect(&integration).await;
    let of_another = vault.lease(&integration).await;

    let after_a_reconnect = vault.refresher.second_chance(&of_another, None).await;

    assert!(after_its_grace.unwrap().is_none());
    assert!(after_a_reconnect.unwrap().is_none());
}

#[tokio::test]
async fn a_grant_is_not_called_dead_while_an_answer_is_untried() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    race(&vault, &integration).await;
    let lease = vault.lease(&integration).await;
    let refused = Failure {
        cause: Cause::Unknown,
        action: Action::Reconnect,
        ..failure(true)
    };

    let state = vault.refresher.record_failure(&lease, &refused).await;

    assert_eq!(state.unwrap(), Some(State::Active));
    assert_about(times(&vault.sql, &integration).await.due_in, 0.0);
}

#[tokio::test]
async fn an_answer_that_comes_after_the_verdict_is_still_tried() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let slow = vault.lease(&integration).await;
    vault.end_lease(&integration).await;
    vault.rotate(&integration, "winner").await;
    let lease = vault.lease(&integration).await;
    let refused = Failure {
        cause: Cause::Unknown,
        action: Action::Reconnect,
        ..failure(true)
    };
    let verdict = vault.refresher.record_failure(&lease, &refused).await;
    let answer = vault
        .refresher
        .seal_answer(&slow, &tokens("loser"))
        .unwrap();

    let settled = vault.refresher.commit_rotation(&slow, &answer, KEEP).await;

    assert_eq!(verdict.unwrap(), Some(State::NeedsReconnect));
    assert_eq!(settled.unwrap(), Settled::Quarantined);
    let row = row(&vault.sql, &integration).await;
    assert_eq!(row.state, "refresh_failing");
    assert_about(times(&vault.sql, &integration).await.due_in, 0.0);
    let lease = vault.lease(&integration).await;
    let chance = vault.refresher.second_chance(&lease, None).await.unwrap();
    let chance = chance.unwrap().lease;
    assert_eq!(chance.refresh_token.expose(), "refresh-loser");
}

#[tokio::test]
async fn a_lost_answer_of_a_single_use_token_keeps_everybody_away_until_its_lease_ends() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    let lost = Failure {
        keeps_lease: true,
        ..failure(false)
    };
    let state = vault.refresher.record_failure(&lease, &lost).await;
    let due_in = times(&vault.sql, &integration).await.due_in;
    let job = vault.job(&integration).await;

    let early = vault.refresher.start_rotation(&job, DEADLINE).await;

    assert_eq!(state.unwrap(), Some(State::Active));
    assert_about(due_in, 60.0);
    assert!(matches!(early.unwrap(), RotationStart::NothingDue));
    vault.end_lease(&integration).await;
    assert!(vault.lease(&integration).await.unresolved.is_some());
}
