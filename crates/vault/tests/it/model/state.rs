//! The state of the world, and what an observer who sees everything remembers of its past.

use super::budget::Budget;
use super::places::{Database, Held, Pair, Process, Request, Row, Stage, Status};
use super::provider::Family;
use super::rules::{ACCESS, DUE};

/// The refreshers, and `auth`.
pub(super) const PROCESSES: usize = 3;
/// The process that connects.
pub(super) const AUTH: usize = 2;
/// The first consent and one more.
pub(super) const GRANTS: usize = 2;

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// The provider's grants; the last one is the newest.
    pub(super) families: Vec<Family>,
    pub(super) database: Database,
    pub(super) backup: Database,
    pub(super) journal: Option<Pair>,
    pub(super) processes: [Process; PROCESSES],
    /// A request that nobody waits for any more. The provider may handle it yet.
    pub(super) stray: Option<Request>,
    pub(super) postgres_up: bool,
    pub(super) nats_up: bool,
    /// Quarantine mode after a restore, and how long it lasts at least.
    pub(super) restored: Option<u8>,
    /// Whether the deletion stands in the event stream, which outlives a restore.
    pub(super) deletion_told: bool,
    pub(super) budget: Budget,
    pub(super) past: Past,
}

/// What no program knows, and the invariants ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Past {
    /// The newest generation of each grant that a sink took, or that was acknowledged.
    pub(super) sunk: [u8; GRANTS],
    /// Grant and generation of the newest pair that the journal took.
    pub(super) journaled: (u8, u8),
    /// What each grant lost.
    pub(super) losses: [Losses; GRANTS],
}

/// The named transitions after which a grant may be dead at its provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each has a name of its own")]
pub(super) struct Losses {
    /// `LostOnWire`: an answer was never read.
    pub(super) on_wire: bool,
    /// `LostInMemory`: the process died between the answer and its first sink.
    pub(super) in_memory: bool,
    /// `Overtaken`: the token was sent again while the answer stood in the memory or the spill
    /// file of a process that could not reach, or did not try, any place that others read.
    pub(super) overtaken: bool,
    /// `LostWithBackup`: PostgreSQL alone had it, and an older backup took its place; or the
    /// restore forgot an attempt in flight.
    pub(super) with_backup: bool,
    /// `Withdrawn`: the user ended the grant at the provider.
    pub(super) withdrawn: bool,
}

impl Losses {
    /// Adds what any of the grants lost.
    pub(super) fn add(&mut self, of_grants: [Self; GRANTS]) {
        for losses in of_grants {
            self.on_wire |= losses.on_wire;
            self.in_memory |= losses.in_memory;
            self.overtaken |= losses.overtaken;
            self.with_backup |= losses.with_backup;
            self.withdrawn |= losses.withdrawn;
        }
    }

    pub(super) fn any(self) -> bool {
        self != Self::default()
    }
}

impl State {
    /// An integration that has just been connected; the only backup is older than that.
    pub(super) fn connected(budget: Budget) -> Self {
        let first = Pair {
            grant: 1,
            generation: 1,
            attempt: None,
            serial: 0,
        };
        let idle = Process {
            stage: Stage::Idle,
            stalled: false,
            spill: None,
        };
        Self {
            families: vec![Family::authorized()],
            database: Database {
                row: Some(Row::holding(first, ACCESS, DUE)),
                ..Database::default()
            },
            backup: Database::default(),
            journal: Some(first),
            processes: [idle; PROCESSES],
            stray: None,
            postgres_up: true,
            nats_up: true,
            restored: None,
            deletion_told: false,
            budget,
            past: Past {
                sunk: [1, 0],
                journaled: first.place(),
                losses: [Losses::default(); GRANTS],
            },
        }
    }

    /// Returns the row, where PostgreSQL can be asked.
    pub(super) fn reachable_row(&self) -> Option<&Row> {
        self.database.row.as_ref().filter(|_| self.postgres_up)
    }

    /// Returns the stage of a process that does not stand still.
    pub(super) fn stage(&self, process: usize) -> Option<Stage> {
        let Process { stage, stalled, .. } = self.processes[process];
        (!stalled).then_some(stage)
    }

    /// Returns this state with a process one stage further.
    pub(super) fn with_stage(&self, process: usize, stage: Stage) -> Self {
        let mut next = self.clone();
        next.processes[process].stage = stage;
        next
    }

    pub(super) fn family(&self, grant: u8) -> &Family {
        &self.families[usize::from(grant) - 1]
    }

    pub(super) fn family_mut(&mut self, grant: u8) -> &mut Family {
        &mut self.families[usize::from(grant) - 1]
    }

    pub(super) fn losses_mut(&mut self, grant: u8) -> &mut Losses {
        &mut self.past.losses[usize::from(grant) - 1]
    }

    pub(super) fn losses(&self, grant: u8) -> Losses {
        self.past.losses[usize::from(grant) - 1]
    }

    /// Remembers that a sink took a pair.
    pub(super) fn remember(&mut self, pair: Pair) {
        let sunk = &mut self.past.sunk[usize::from(pair.grant) - 1];
        *sunk = pair.generation.max(*sunk);
    }

    /// Returns the pairs that can still be opened in sinks, those of other processes among them.
    pub(super) fn kept(&self) -> impl Iterator<Item = Pair> {
        let spilled = self.processes.iter().filter_map(|process| process.spill);
        self.shared().chain(spilled)
    }

    /// Returns the pairs that can still be opened in sinks that every process reads.
    pub(super) fn shared(&self) -> impl Iterator<Item = Pair> {
        let row = self.database.row.iter();
        let stored = row.filter(|row| row.status != Status::Revoked);
        let untried = self.database.quarantine.iter().filter(|aside| !aside.tried);
        stored
            .map(|row| row.pair)
            .chain(self.journal)
            .chain(untried.map(|aside| aside.pair))
    }

    /// Returns grant and serial of what processes hold that no sink has yet, or that is on the wire.
    pub(super) fn under_way(&self) -> impl Iterator<Item = (u8, u8)> {
        self.processes
            .iter()
            .filter_map(|process| match process.stage {
                Stage::Holding(Held { pair, .. }) => Some((pair.grant, pair.serial)),
                Stage::Answering(lease, serial) => Some((lease.place.0, serial)),
                _ => None,
            })
    }

    /// Returns a number for an attempt that nothing bears any more.
    pub(super) fn unused_attempt_number(&self) -> u8 {
        let in_use = |number: u8| {
            let recorded = [&self.database, &self.backup].into_iter().any(|database| {
                let mut open = database.attempts.iter();
                let mut aside = database.quarantine.iter();
                open.any(|attempt| attempt.number == number)
                    || aside.any(|aside| aside.pair.attempt == Some(number))
                    || database
                        .row
                        .is_some_and(|row| row.pair.attempt == Some(number))
            });
            let mut kept = self.kept();
            let mut working = self.processes.iter();
            recorded
                || kept.any(|pair| pair.attempt == Some(number))
                || working.any(|process| process.attempt() == Some(number))
        };
        (1..=u8::MAX)
            .find(|number| !in_use(*number))
            .expect("few are in use")
    }
}
