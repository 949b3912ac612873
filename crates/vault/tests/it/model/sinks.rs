//! Where an answer is kept: journal, spill file, PostgreSQL (refresh protocol, sections 4.5, 4.6
//! and 6).

use workapi_vault::protocol::Settlement;

use super::places::{Aside, Held, Pair, Row, Stage, Status};
use super::rules::{ACCESS, DUE, Mutant, Rules};
use super::state::State;

impl State {
    /// Single-use classes write the journal beside PostgreSQL; the others, and `auth`, where it
    /// matters: when PostgreSQL refuses.
    pub(super) fn wants_journal(&self, rules: Rules, held: Held) -> bool {
        let always = rules.replay().is_single_use() || held.pair.generation == 1;
        self.nats_up && !held.journaled && (always || (!self.postgres_up && !held.committed))
    }

    pub(super) fn write_journal(&self, rules: Rules, process: usize) -> Option<Self> {
        let held = self.holding(process)?;
        if !self.wants_journal(rules, held) {
            return None;
        }
        let journaled = true;
        let mut next = self.hold(rules, process, Held { journaled, ..held });
        if rules.may_replace(held.pair, self.journal) {
            next.journal = Some(held.pair);
            next.past.journaled = held.pair.place().max(next.past.journaled);
            next.remember(held.pair);
        }
        Some(next)
    }

    pub(super) fn write_spill(&self, process: usize) -> Option<Self> {
        let held = self.holding(process)?;
        if self.postgres_up || held.committed || self.processes[process].spill.is_some() {
            return None;
        }
        let mut next = self.clone();
        next.processes[process].spill = Some(held.pair);
        next.remember(held.pair);
        Some(next)
    }

    pub(super) fn commit(&self, rules: Rules, process: usize) -> Option<Self> {
        let held = self.holding(process).filter(|held| !held.committed)?;
        let mut next = self.settled(rules, held.pair, false)?;
        next.processes[process].spill = None;
        let committed = true;
        Some(next.hold(rules, process, Held { committed, ..held }))
    }

    pub(super) fn commit_unheard(&self, rules: Rules, process: usize) -> Option<Self> {
        let held = self.holding(process).filter(|held| !held.committed)?;
        self.spending(|budget| &mut budget.unheard_commits)?
            .settled(rules, held.pair, false)
    }

    fn holding(&self, process: usize) -> Option<Held> {
        match self.stage(process)? {
            Stage::Holding(held) => Some(held),
            _ => None,
        }
    }

    /// An answer is done with when PostgreSQL knows it and the journal was offered it.
    fn hold(&self, rules: Rules, process: usize, held: Held) -> Self {
        let done = held.committed && !self.wants_journal(rules, held);
        let stage = if done {
            Stage::Idle
        } else {
            Stage::Holding(held)
        };
        self.with_stage(process, stage)
    }

    /// Settles a pair in PostgreSQL; `None` while that is away.
    ///
    /// `folded` pairs come out of the journal or a spill file. Their access token is taken to have
    /// run out: the worst case.
    pub(super) fn settled(&self, rules: Rules, pair: Pair, folded: bool) -> Option<Self> {
        if !self.postgres_up {
            return None;
        }
        let mut next = self.clone();
        let (access_left, due_in) = if folded { (0, 0) } else { (ACCESS, DUE) };
        let fresh = Row::holding(pair, access_left, due_in);
        match rules.settle(pair, self.database.row.as_ref(), folded) {
            Settlement::Commit => next.store(rules, fresh),
            Settlement::NewerGrant => next.store_grant(rules, fresh),
            Settlement::Quarantine => next.keep_aside(rules, pair),
            Settlement::Ended => next.keep_for_revocation(pair),
            Settlement::AlreadyCommitted | Settlement::Beyond | Settlement::Replaced => {}
        }
        next.database
            .attempts
            .retain(|attempt| Some(attempt.number) != pair.attempt);
        Some(next)
    }

    fn store(&mut self, rules: Rules, mut row: Row) {
        let before = self
            .database
            .row
            .filter(|before| before.pair.grant == row.pair.grant);
        if let Some(before) = before
            && rules.mutant == Mutant::CommitWithoutGeneration
        {
            row.pair.generation = before.pair.generation + 1;
        }
        self.remember(row.pair);
        self.database
            .attempts
            .retain(|attempt| attempt.place >= row.pair.place());
        self.database.row = Some(row);
    }

    /// Stores a whole grant, unless the integration was deleted meanwhile: then it waits to be
    /// revoked. The older grant's answers are of no use any more.
    fn store_grant(&mut self, rules: Rules, row: Row) {
        let status = if self.database.tombstone && rules.mutant != Mutant::IgnoreTombstone {
            Status::Revoking
        } else {
            Status::Active
        };
        self.database.quarantine.clear();
        self.store(rules, Row { status, ..row });
    }

    fn keep_aside(&mut self, rules: Rules, pair: Pair) {
        let quarantine = &mut self.database.quarantine;
        if quarantine.iter().any(|aside| aside.pair == pair) {
            return;
        }
        let tried = false;
        quarantine.push(Aside { pair, tried });
        // One that was given up has something to try again.
        if let Some(row) = &mut self.database.row
            && matches!(row.status, Status::NeedsReconnect { .. })
            && rules.mutant != Mutant::LeaveGivenUp
        {
            row.status = Status::Active;
            row.due_in = 0;
        }
    }

    /// A newer token takes the place of the one that waits to be revoked. One that comes after
    /// the shredding is revoked like the first.
    fn keep_for_revocation(&mut self, pair: Pair) {
        if let Some(row) = &mut self.database.row
            && pair.place() > row.pair.place()
        {
            *row = Row {
                status: Status::Revoking,
                ..Row::holding(pair, 0, 0)
            };
        }
    }
}
