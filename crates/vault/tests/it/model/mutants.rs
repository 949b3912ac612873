//! Each known way to get the protocol wrong is found out.

use workapi_providers::RotationClass;

use super::budget::Budget;
use super::invariant::Invariant;
use super::rules::{Mutant, Rules};
use super::search::explore;
use super::state::State;

use RotationClass::{C, D};

/// Searches a world that is just large enough, and compares what is found first.
fn assert_found_out(mutant: Mutant, class: RotationClass, budget: Budget, expected: Invariant) {
    let rested = if expected == Invariant::ComesToRest {
        1
    } else {
        usize::MAX
    };
    let start = State::connected(budget);
    let sound = explore(start.clone(), Rules::of(class), rested);
    let broken = explore(start, Rules { class, mutant }, rested);

    let story = sound
        .counterexample
        .map(|counterexample| counterexample.story());
    assert_eq!(story, None, "the rules themselves fail in this world");
    let found = broken
        .counterexample
        .map(|counterexample| counterexample.invariant);
    assert_eq!(found, Some(expected), "{mutant:?}");
}

#[test]
fn to_acknowledge_before_the_sink_is_found_out() {
    let budget = Budget {
        rotations: 1,
        kills: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::AcknowledgeBeforeSink,
        D,
        budget,
        Invariant::NewestIsKept,
    );
}

#[test]
fn to_commit_without_the_generation_is_found_out() {
    let budget = Budget {
        rotations: 2,
        stalls: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::CommitWithoutGeneration,
        C,
        budget,
        Invariant::RowNeverGoesBack,
    );
}

#[test]
fn to_take_over_a_lease_early_is_found_out() {
    let budget = Budget {
        rotations: 2,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::TakeOverLeaseEarly,
        C,
        budget,
        Invariant::OneRequestPerLease,
    );
}

#[test]
fn to_fold_by_time_order_is_found_out() {
    let budget = Budget {
        rotations: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::FoldByTimeOrder,
        D,
        budget,
        Invariant::RowNeverGoesBack,
    );
}

#[test]
fn to_retry_at_once_is_found_out() {
    let budget = Budget {
        rotations: 1,
        lost_answers: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::RetryAtOnce,
        D,
        budget,
        Invariant::OneRequestPerLease,
    );
}

#[test]
fn to_retry_while_the_access_token_is_good_is_found_out() {
    let budget = Budget {
        rotations: 1,
        lost_answers: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::RetryWhileGood,
        D,
        budget,
        Invariant::NotKilledWhileGood,
    );
}

#[test]
fn to_retry_without_the_journal_is_found_out() {
    let budget = Budget {
        rotations: 1,
        kills: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::IgnoreJournalBeforeRetry,
        D,
        budget,
        Invariant::GrantStaysAlive,
    );
}

#[test]
fn to_let_the_journal_go_back_is_found_out() {
    let budget = Budget {
        rotations: 2,
        stalls: 1,
        unheard_commits: 1,
        postgres_outages: 1,
        ..Budget::default()
    };
    assert_found_out(Mutant::JournalGoesBack, D, budget, Invariant::NewestIsKept);
}

#[test]
fn to_send_after_a_pause_is_found_out() {
    let budget = Budget {
        rotations: 1,
        stalls: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::SendAfterPause,
        C,
        budget,
        Invariant::OneRequestPerLease,
    );
}

#[test]
fn to_record_a_rejection_without_a_second_look_is_found_out() {
    let budget = Budget {
        withdrawals: 1,
        reconnects: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::RejectWithoutReread,
        D,
        budget,
        Invariant::NoFalseReconnect,
    );
}

#[test]
fn to_ignore_the_quarantine_is_found_out() {
    let budget = Budget {
        rotations: 2,
        stalls: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::IgnoreQuarantine,
        C,
        budget,
        Invariant::NoFalseReconnect,
    );
}

#[test]
fn to_leave_what_was_given_up_is_found_out() {
    let budget = Budget {
        rotations: 2,
        stalls: 1,
        ..Budget::default()
    };
    assert_found_out(Mutant::LeaveGivenUp, C, budget, Invariant::NoFalseReconnect);
}

#[test]
fn to_keep_what_comes_after_the_shredding_is_found_out() {
    let budget = Budget {
        reconnects: 1,
        deletions: 1,
        ..Budget::default()
    };
    assert_found_out(Mutant::KeepLateEntry, D, budget, Invariant::ComesToRest);
}

#[test]
fn to_ignore_the_tombstone_is_found_out() {
    let budget = Budget {
        rotations: 1,
        deletions: 1,
        ..Budget::default()
    };
    assert_found_out(Mutant::IgnoreTombstone, D, budget, Invariant::DeletedIsGone);
}

#[test]
fn to_refresh_before_the_journal_is_folded_is_found_out() {
    let budget = Budget {
        rotations: 1,
        backups: 1,
        restores: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::RefreshBeforeFold,
        D,
        budget,
        Invariant::OneRequestPerLease,
    );
}

#[test]
fn to_end_quarantine_mode_early_is_found_out() {
    let budget = Budget {
        rotations: 1,
        backups: 1,
        restores: 1,
        ..Budget::default()
    };
    assert_found_out(
        Mutant::ReleaseEarly,
        D,
        budget,
        Invariant::OneRequestPerLease,
    );
}
