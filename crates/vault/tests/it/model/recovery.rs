//! Processes that die, stand still and come back, and what is folded then (refresh protocol,
//! section 6).

use workapi_vault::protocol::Settlement;

use super::places::{Pair, Stage, Status};
use super::rules::{Mutant, Rules};
use super::state::State;

impl State {
    pub(super) fn kill(&self, rules: Rules, process: usize) -> Option<Self> {
        let killed = self.processes[process];
        let mut next = self.spending(|budget| &mut budget.kills)?;
        next.processes[process].stage = Stage::Down;
        next.processes[process].stalled = false;
        let single_use = rules.replay().is_single_use();
        match killed.stage {
            Stage::Down | Stage::Idle => return None,
            Stage::Asking(_) if self.stray.is_some() => return None,
            Stage::Asking(_) => next.stray = killed.request(),
            Stage::Answering(lease, _) => next.losses_mut(lease.place.0).on_wire |= single_use,
            Stage::Holding(held) if !self.is_kept(held.pair) => {
                next.losses_mut(held.pair.grant).in_memory |= single_use;
            }
            _ => {}
        }
        Some(next)
    }

    /// Returns whether a sink has the pair, or one that is newer.
    pub(super) fn is_kept(&self, pair: Pair) -> bool {
        let mut kept = self.kept();
        kept.any(|kept| kept == pair || kept.place() > pair.place())
    }

    pub(super) fn start(&self, rules: Rules, process: usize) -> Option<Self> {
        let there = self.processes[process];
        if there.stage != Stage::Down {
            return None;
        }
        let mut next = match there.spill {
            Some(pair) => self.settled(rules, pair, true)?,
            None => self.clone(),
        };
        next.processes[process].spill = None;
        Some(next.with_stage(process, Stage::Idle))
    }

    pub(super) fn stall(&self, process: usize) -> Option<Self> {
        if matches!(self.stage(process)?, Stage::Down | Stage::Idle) {
            return None;
        }
        let mut next = self.spending(|budget| &mut budget.stalls)?;
        next.processes[process].stalled = true;
        Some(next)
    }

    pub(super) fn resume(&self, process: usize) -> Option<Self> {
        if !self.processes[process].stalled {
            return None;
        }
        let mut next = self.clone();
        next.processes[process].stalled = false;
        Some(next)
    }

    pub(super) fn handle_stray(&self, rules: Rules) -> Option<Self> {
        let stray = self.stray?;
        let (mut next, answer) = self.exchanged(rules, stray)?;
        next.stray = None;
        if answer.is_some() {
            next.losses_mut(stray.grant).on_wire |= rules.replay().is_single_use();
        }
        Some(next)
    }

    pub(super) fn drop_stray(&self) -> Option<Self> {
        self.stray?;
        let mut next = self.clone();
        next.stray = None;
        Some(next)
    }

    pub(super) fn fold_journal(&self, rules: Rules) -> Option<Self> {
        let pair = self.journal.filter(|_| self.nats_up)?;
        let mut folded = self.settled(rules, pair, true)?;
        let row = folded.database.row;
        let shredded = row.is_some_and(|row| row.status == Status::Revoked);
        if shredded && rules.mutant != Mutant::KeepLateEntry {
            // It was written, late, after the journal was purged.
            folded.journal = None;
        }
        (folded != *self).then_some(folded)
    }

    /// Returns whether the row has what the journal has.
    pub(super) fn is_folded(&self, rules: Rules) -> bool {
        let row = self.database.row.as_ref();
        self.journal.is_none_or(|pair| {
            let settlement = rules.settle(pair, row, true);
            !matches!(settlement, Settlement::Commit | Settlement::NewerGrant)
        })
    }
}
