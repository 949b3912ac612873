//! Every run of small worlds.

use workapi_providers::RotationClass;

use super::budget::Budget;
use super::rules::Rules;
use super::search::explore;
use super::state::{Losses, State};

pub(super) const CLASSES: [RotationClass; 4] = [
    RotationClass::A,
    RotationClass::B,
    RotationClass::C,
    RotationClass::D,
];

/// One state out of so many is left to come to rest.
const RESTED: usize = 40;

/// Visits everything, and returns what was lost on the way.
fn losses_of_all_runs(class: RotationClass, budget: Budget) -> Losses {
    let explored = explore(State::connected(budget), Rules::of(class), RESTED);
    if let Some(counterexample) = &explored.counterexample {
        panic!("class {class:?}: {}", counterexample.story());
    }
    explored.losses
}

#[test]
fn a_kill_loses_what_no_sink_had_yet_and_nothing_else() {
    let budget = Budget {
        rotations: 2,
        kills: 1,
        ..Budget::default()
    };

    for class in CLASSES {
        let losses = losses_of_all_runs(class, budget);

        let single_use = matches!(class, RotationClass::C | RotationClass::D);
        let expected = Losses {
            on_wire: single_use,
            in_memory: single_use,
            ..Losses::default()
        };
        assert_eq!(losses, expected, "class {class:?}");
    }
}

#[test]
fn nothing_is_lost_while_either_postgresql_or_the_journal_takes_the_answer() {
    let postgres = Budget {
        rotations: 2,
        unheard_commits: 1,
        postgres_outages: 1,
        ..Budget::default()
    };
    let nats = Budget {
        nats_outages: 1,
        postgres_outages: 0,
        ..postgres
    };

    for class in CLASSES {
        for budget in [postgres, nats] {
            assert_eq!(losses_of_all_runs(class, budget), Losses::default());
        }
    }
}

#[test]
fn an_answer_that_no_sink_takes_waits_in_memory_and_may_be_overtaken_there() {
    let budget = Budget {
        rotations: 2,
        postgres_outages: 1,
        nats_outages: 1,
        ..Budget::default()
    };

    for class in CLASSES {
        let losses = losses_of_all_runs(class, budget);

        let overtaken = matches!(class, RotationClass::C | RotationClass::D);
        let expected = Losses {
            overtaken,
            ..Losses::default()
        };
        assert_eq!(losses, expected, "class {class:?}");
    }
}

#[test]
fn a_request_without_an_answer_is_sent_again_as_the_class_allows() {
    let budget = Budget {
        rotations: 2,
        refusals: 1,
        lost_answers: 1,
        ..Budget::default()
    };

    for class in CLASSES {
        let losses = losses_of_all_runs(class, budget);

        let on_wire = matches!(class, RotationClass::C | RotationClass::D);
        let expected = Losses {
            on_wire,
            ..Losses::default()
        };
        assert_eq!(losses, expected, "class {class:?}");
    }
}

#[test]
fn a_process_that_stands_still_does_no_harm_when_it_goes_on() {
    let budget = Budget {
        rotations: 2,
        stalls: 1,
        ..Budget::default()
    };

    for class in CLASSES {
        let losses = losses_of_all_runs(class, budget);

        let overtaken = matches!(class, RotationClass::C | RotationClass::D);
        let expected = Losses {
            overtaken,
            ..Losses::default()
        };
        assert_eq!(losses, expected, "class {class:?}");
    }
}

#[test]
fn a_new_grant_replaces_the_old_one_whatever_is_in_flight() {
    let budget = Budget {
        rotations: 1,
        kills: 1,
        reconnects: 1,
        ..Budget::default()
    };

    for class in [RotationClass::A, RotationClass::D] {
        losses_of_all_runs(class, budget);
    }
}

#[test]
fn a_deletion_wins_over_everything_and_leaves_no_copy() {
    let budget = Budget {
        rotations: 1,
        postgres_outages: 1,
        reconnects: 1,
        deletions: 1,
        ..Budget::default()
    };

    for class in [RotationClass::A, RotationClass::D] {
        assert_eq!(losses_of_all_runs(class, budget), Losses::default());
    }
}

#[test]
fn a_restored_backup_takes_up_what_the_journal_has() {
    let single = Budget {
        rotations: 1,
        backups: 1,
        restores: 1,
        ..Budget::default()
    };
    let several = Budget {
        rotations: 2,
        ..single
    };

    losses_of_all_runs(RotationClass::B, single);
    losses_of_all_runs(RotationClass::D, several);
}
