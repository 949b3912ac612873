//! Laws of the functions that decide.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use uuid::Uuid;
use workapi_providers::{Action, Cause, RotationClass};
use workapi_types::{AttemptId, GrantId};
use workapi_vault::State;
use workapi_vault::protocol::{
    Answer, Replay, Settlement, Step, Stored, Unresolved, cause_of_rejection, next_step, settle,
};

use super::exhaustive::CLASSES;

fn answers() -> impl Strategy<Value = Answer> {
    (1..4_u128, 1..6_i64, 1..9_u128).prop_map(|(grant, generation, attempt)| Answer {
        grant_id: GrantId::from_uuid(Uuid::from_u128(grant)),
        generation,
        attempt_id: Some(AttemptId::from_uuid(Uuid::from_u128(attempt))),
    })
}

fn live() -> impl Strategy<Value = State> {
    select(vec![
        State::Active,
        State::RefreshFailing,
        State::NeedsReconnect,
        State::NeedsOperator,
    ])
}

fn replays() -> impl Strategy<Value = Replay> {
    (select(&CLASSES[..]), 0..1200_u64, 1..60_u64).prop_map(|(class, grace, margin)| Replay {
        class,
        grace: Duration::from_secs(grace),
        margin: Duration::from_secs(margin),
    })
}

fn unresolved() -> impl Strategy<Value = Option<Unresolved>> {
    prop::option::of((0..1200_u64).prop_map(sent_before))
}

fn sent_before(seconds: u64) -> Unresolved {
    let first_sent = Duration::from_secs(seconds);
    Unresolved { first_sent }
}

fn place(answer: &Answer) -> (GrantId, i64) {
    (answer.grant_id, answer.generation)
}

fn holding(answer: &Answer, state: State) -> Stored {
    Stored {
        grant_id: answer.grant_id,
        generation: answer.generation,
        last_attempt_id: answer.attempt_id,
        state,
    }
}

/// Folds answers one after the other into a row that does not exist yet.
fn fold(answers: &[Answer]) -> Option<Answer> {
    let mut row: Option<Answer> = None;
    for answer in answers {
        let stored = row.map(|row| holding(&row, State::Active));
        if let Settlement::Commit | Settlement::NewerGrant = settle(answer, stored.as_ref()) {
            row = Some(*answer);
        }
    }
    row
}

/// Writes answers one after the other into the journal.
fn journal(answers: &[Answer]) -> Option<Answer> {
    let mut kept: Option<Answer> = None;
    for answer in answers {
        if kept.is_none_or(|kept| answer.may_replace(&kept)) {
            kept = Some(*answer);
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(3),
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_answer_is_stored_exactly_when_it_is_newer(
        arriving in answers(),
        there in answers(),
        state in live(),
    ) {
        let settlement = settle(&arriving, Some(&holding(&there, state)));

        let stored = matches!(settlement, Settlement::Commit | Settlement::NewerGrant);
        prop_assert_eq!(stored, place(&arriving) > place(&there));
    }

    #[test]
    fn an_answer_that_is_stored_is_known_when_it_comes_again(
        arriving in answers(),
        state in live(),
    ) {
        let settlement = settle(&arriving, Some(&holding(&arriving, state)));

        prop_assert_eq!(settlement, Settlement::AlreadyCommitted);
    }

    #[test]
    fn the_order_of_folding_does_not_matter(
        (in_order, shuffled) in vec(answers(), 1..8)
            .prop_flat_map(|answers| (Just(answers.clone()), Just(answers).prop_shuffle())),
    ) {
        let newest = in_order.iter().map(place).max();

        prop_assert_eq!(fold(&in_order).as_ref().map(place), newest);
        prop_assert_eq!(fold(&shuffled).as_ref().map(place), newest);
        prop_assert_eq!(journal(&shuffled).as_ref().map(place), newest);
    }

    #[test]
    fn what_is_deleted_takes_no_answer_of_its_grant_or_an_older_one(
        arriving in answers(),
        there in answers(),
        state in select(vec![State::Revoking, State::Revoked]),
    ) {
        prop_assume!(arriving.grant_id <= there.grant_id);

        let settlement = settle(&arriving, Some(&holding(&there, state)));

        prop_assert!(matches!(settlement, Settlement::Ended | Settlement::Replaced));
    }

    #[test]
    fn nobody_waits_for_more_than_the_access_token(
        replay in replays(),
        unresolved in unresolved(),
        access_left in 0..3600_u64,
    ) {
        let access_left = Duration::from_secs(access_left);

        let step = next_step(replay, unresolved, access_left);

        prop_assert!(step == Step::Send || step == Step::Wait(access_left));
        prop_assert!(step == Step::Send || !access_left.is_zero());
        prop_assert!(step == Step::Send || replay.is_single_use());
    }

    #[test]
    fn a_retry_gets_no_safer_with_time(
        replay in replays(),
        age in 0..1200_u64,
        later in 0..1200_u64,
    ) {
        let left = Duration::from_mins(1);
        let now = next_step(replay, Some(sent_before(age)), left);
        let then = next_step(replay, Some(sent_before(age + later)), left);

        prop_assert!(now == Step::Send || then != Step::Send);
    }

    #[test]
    fn a_rejection_is_put_down_to_a_lost_answer_only_where_one_can_kill(
        replay in replays(),
        unresolved in unresolved(),
        action in select(vec![Action::Reconnect, Action::Wait, Action::Operator]),
    ) {
        let cause = cause_of_rejection(replay, unresolved, action, Cause::RevokedByUser);

        let may_be_lost = unresolved.is_some()
            && action == Action::Reconnect
            && matches!(replay.class, RotationClass::C | RotationClass::D);
        prop_assert_eq!(cause == Cause::AmbiguousRotation, may_be_lost);
        prop_assert!(may_be_lost || cause == Cause::RevokedByUser);
    }
}
