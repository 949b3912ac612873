//! Long runs of a large world, drawn at random with fixed seeds.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use super::budget::Budget;
use super::exhaustive::CLASSES;
use super::rules::Rules;
use super::search::walk;
use super::state::State;

/// Everything may go wrong, and some of it twice.
const EVERYTHING: Budget = Budget {
    rotations: 5,
    refusals: 1,
    lost_answers: 1,
    kills: 2,
    stalls: 2,
    unheard_commits: 1,
    postgres_outages: 2,
    nats_outages: 2,
    reconnects: 1,
    deletions: 1,
    withdrawals: 1,
    backups: 1,
    restores: 1,
};

/// Less may go wrong, so that what remains happens in the middle of more rotations.
const LITTLE: Budget = Budget {
    reconnects: 0,
    deletions: 0,
    withdrawals: 0,
    backups: 0,
    restores: 0,
    ..EVERYTHING
};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(3),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_long_run_breaks_a_promise(
        class in select(&CLASSES[..]),
        budget in select(&[EVERYTHING, LITTLE][..]),
        choices in vec(any::<u16>(), 120),
    ) {
        let explored = walk(State::connected(budget), Rules::of(class), &choices);

        if let Some(counterexample) = explored.counterexample {
            prop_assert!(false, "class {class:?}: {}", counterexample.story());
        }
    }
}
