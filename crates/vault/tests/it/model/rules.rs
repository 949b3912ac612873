//! The rules under test: the product's, or a broken variant of them.

use std::time::Duration;

use workapi_providers::RotationClass;
use workapi_types::{AttemptId, GrantId};
use workapi_vault::State as Stored;
use workapi_vault::protocol::{self, Answer, Replay, Settlement, Step, Unresolved};

use super::places::{Pair, Row};
use super::provider::GRACE;
use uuid::Uuid;

/// What a tick stands for.
pub(super) const TICK: Duration = Duration::from_secs(30);
/// The ticks that one exchange may take.
pub(super) const DEADLINE: u8 = 1;
/// The ticks that a lease lasts: the deadline, and as long again to commit.
pub(super) const LEASE: u8 = 2;
/// The ticks that an access token lives.
pub(super) const ACCESS: u8 = 5;
/// The ticks after which a new access token is refreshed.
pub(super) const DUE: u8 = 2;

/// A way to get the protocol wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    /// None: the rules as they are.
    None,
    /// The job is acknowledged when the answer is read.
    AcknowledgeBeforeSink,
    /// A success commits whatever generation the row has.
    CommitWithoutGeneration,
    /// A lease is taken over before it ends.
    TakeOverLeaseEarly,
    /// What is folded later counts as newer.
    FoldByTimeOrder,
    /// After an unknown outcome the lease is given back, and the token sent again.
    RetryAtOnce,
    /// A token that may be spent is sent while the access token is still good.
    RetryWhileGood,
    /// A lease holder takes an unresolved attempt for unanswered without reading the journal.
    IgnoreJournalBeforeRetry,
    /// A late write takes the place of a newer journal entry.
    JournalGoesBack,
    /// The token is sent however long ago the lease was taken.
    SendAfterPause,
    /// A rejection is recorded without a look at what has been committed meanwhile.
    RejectWithoutReread,
    /// A rejection is final, whatever is kept in quarantine.
    IgnoreQuarantine,
    /// A rejection is final when the lease has no time left to try what is in quarantine.
    GiveUpOutOfTime,
    /// An answer that comes to quarantine when the credential was given up stays there untried.
    LeaveGivenUp,
    /// Tokens that arrive are stored for a deleted integration too.
    IgnoreTombstone,
    /// What is written to the journal after the shredding stays there.
    KeepLateEntry,
    /// A restored database refreshes before the journal is folded.
    RefreshBeforeFold,
    /// Quarantine mode ends while exchanges from before the restore may be in flight.
    ReleaseEarly,
}

/// The rules, for a provider of one class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) class: RotationClass,
    pub(super) mutant: Mutant,
}

impl Rules {
    /// The product's rules.
    pub(super) fn of(class: RotationClass) -> Self {
        let mutant = Mutant::None;
        Self { class, mutant }
    }

    pub(super) fn replay(self) -> Replay {
        let grace = match self.class {
            RotationClass::C => TICK * u32::from(GRACE),
            RotationClass::A | RotationClass::B | RotationClass::D => Duration::ZERO,
        };
        Replay {
            class: self.class,
            grace,
            margin: TICK * u32::from(DEADLINE),
        }
    }

    /// `protocol::settle`, broken where the mutant says so.
    pub(super) fn settle(self, pair: Pair, row: Option<&Row>, folded: bool) -> Settlement {
        let settlement = protocol::settle(&answer(pair), row.map(stored).as_ref());
        let blind = match settlement {
            Settlement::Beyond | Settlement::Quarantine => {
                self.mutant == Mutant::CommitWithoutGeneration
                    || (folded && self.mutant == Mutant::FoldByTimeOrder)
            }
            Settlement::Ended => self.mutant == Mutant::IgnoreTombstone,
            _ => false,
        };
        if blind {
            Settlement::Commit
        } else {
            settlement
        }
    }

    /// `protocol::next_step`; a wait is in ticks.
    pub(super) fn wait_before_sending(self, unresolved: Option<u8>, access_left: u8) -> Option<u8> {
        if matches!(self.mutant, Mutant::RetryAtOnce | Mutant::RetryWhileGood) {
            return None;
        }
        let access_left = TICK * u32::from(access_left);
        match protocol::next_step(self.replay(), unresolved.map(attempt_of_age), access_left) {
            Step::Send => None,
            Step::Wait(wait) => Some(u8::try_from(wait.as_secs() / TICK.as_secs()).expect("short")),
        }
    }

    /// `Answer::may_replace`, broken where the mutant says so.
    pub(super) fn may_replace(self, pair: Pair, kept: Option<Pair>) -> bool {
        let newer = kept.is_none_or(|kept| answer(pair).may_replace(&answer(kept)));
        newer || self.mutant == Mutant::JournalGoesBack
    }
}

/// An unresolved attempt that was sent so many ticks ago.
pub(super) fn attempt_of_age(ticks: u8) -> Unresolved {
    Unresolved {
        first_sent: TICK * u32::from(ticks),
    }
}

fn answer(pair: Pair) -> Answer {
    Answer {
        grant_id: grant_id(pair.grant),
        generation: pair.generation.into(),
        attempt_id: pair.attempt.map(attempt_id),
    }
}

fn stored(row: &Row) -> protocol::Stored {
    protocol::Stored {
        grant_id: grant_id(row.pair.grant),
        generation: row.pair.generation.into(),
        last_attempt_id: row.pair.attempt.map(attempt_id),
        state: Stored::from(row.status),
    }
}

fn grant_id(number: u8) -> GrantId {
    GrantId::from_uuid(Uuid::from_u128(number.into()))
}

fn attempt_id(number: u8) -> AttemptId {
    AttemptId::from_uuid(Uuid::from_u128(number.into()))
}
