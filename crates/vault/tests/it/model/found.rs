//! Ways to a broken promise that a search has found in a world too large for every run of the tests.

use workapi_providers::RotationClass::C;

use super::action::Action::{self, Claim, Commit, FoldJournal, Handle, Lease, LookUp, ReadAnswer};
use super::action::Action::{RecordRejection, Resume, Send, Stall, Tick, WriteJournal};
use super::budget::Budget;
use super::invariant::Invariant;
use super::rules::{Mutant, Rules};
use super::search::follow;
use super::state::State;

/// The answer stays in memory until the lease has run out, and the token is sent again meanwhile.
#[rustfmt::skip]
const OVERTAKEN: [Action; 22] = [
    Tick, Tick, Claim(0), Lease(0), Send(0), Handle(0), ReadAnswer(0), Stall(0), Tick, Tick,
    Resume(0), Claim(1), Lease(1), LookUp(1), WriteJournal(0), Send(1), Handle(1), ReadAnswer(1),
    WriteJournal(1), FoldJournal, Commit(0), Commit(1),
];
/// The token of the first answer is refused, for the second answer counts; and that is recorded
/// when the lease has run out.
#[rustfmt::skip]
const REFUSED: [Action; 9] = [
    Claim(0), Lease(0), Send(0), Handle(0), Stall(0), Tick, Tick, Resume(0), RecordRejection(0),
];

#[test]
fn a_lease_that_has_run_out_leaves_the_quarantine_to_the_next_one() {
    let start = State::connected(Budget {
        rotations: 2,
        stalls: 2,
        ..Budget::default()
    });
    let way = [&OVERTAKEN[..], &REFUSED].concat();
    let broken = Rules {
        class: C,
        mutant: Mutant::GiveUpOutOfTime,
    };

    let sound = follow(start.clone(), Rules::of(C), &way);
    let found = follow(start, broken, &way);

    assert_eq!(sound, None);
    assert_eq!(found, Some(Invariant::NoFalseReconnect));
}
