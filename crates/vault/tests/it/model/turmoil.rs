//! Time, outages, and a backup that comes back (refresh protocol, section 11).

use super::places::{Process, Row, Stage};
use super::provider::{Family, GRACE};
use super::rules::{LEASE, Mutant, Rules};
use super::state::{GRANTS, State};

impl State {
    pub(super) fn tick(&self, rules: Rules) -> Option<Self> {
        if self.has_to_act_first(rules) {
            return None;
        }
        let mut next = self.clone();
        next.families.iter_mut().for_each(Family::tick);
        if let Some(row) = &mut next.database.row {
            row.access_left = row.access_left.saturating_sub(1);
            row.due_in = row.due_in.saturating_sub(1);
            row.lease = row
                .lease
                .map(|(holder, left)| (holder, left.saturating_sub(1)));
        }
        for attempt in &mut next.database.attempts {
            // Beyond the grace period all ages are the same.
            attempt.age = GRACE.min(attempt.age + 1);
        }
        for process in &mut next.processes {
            if let Some(lease) = process.lease_mut() {
                lease.left = lease.left.saturating_sub(1);
            }
        }
        if let Some(stray) = &mut next.stray {
            stray.left = stray.left.saturating_sub(1);
        }
        next.restored = self.restored.map(|left| left.saturating_sub(1));
        Some(next)
    }

    /// Returns whether something happens within this tick for sure.
    fn has_to_act_first(&self, rules: Rules) -> bool {
        self.stray.is_some_and(|stray| stray.left <= 1)
            || self
                .processes
                .iter()
                .any(|process| self.is_hurried(rules, process))
    }

    fn is_hurried(&self, rules: Rules, process: &Process) -> bool {
        match process.stage {
            Stage::Asking(lease) => lease.left <= 1,
            _ if process.stalled => false,
            Stage::Answering(lease, _) => lease.left <= 1,
            Stage::Leased(lease) => {
                self.postgres_up || self.is_sendable(rules, &lease) == Some(true)
            }
            Stage::Claimed | Stage::Rejected(_) | Stage::Unknown(_) | Stage::TurnedDown(_) => {
                self.postgres_up
            }
            Stage::Holding(held) => {
                (self.postgres_up && !held.committed) || self.wants_journal(rules, held)
            }
            Stage::Down | Stage::Idle => false,
        }
    }

    pub(super) fn postgres_down(&self) -> Option<Self> {
        let mut next = self.spending(|budget| &mut budget.postgres_outages)?;
        next.postgres_up = false;
        self.postgres_up.then_some(next)
    }

    pub(super) fn postgres_up(&self) -> Option<Self> {
        if self.postgres_up {
            return None;
        }
        let mut next = self.clone();
        next.postgres_up = true;
        Some(next)
    }

    pub(super) fn nats_down(&self) -> Option<Self> {
        let mut next = self.spending(|budget| &mut budget.nats_outages)?;
        next.nats_up = false;
        self.nats_up.then_some(next)
    }

    pub(super) fn nats_up(&self) -> Option<Self> {
        if self.nats_up {
            return None;
        }
        let mut next = self.clone();
        next.nats_up = true;
        Some(next)
    }

    pub(super) fn back_up(&self) -> Option<Self> {
        if !self.postgres_up {
            return None;
        }
        let mut next = self.spending(|budget| &mut budget.backups)?;
        next.backup = self.database.clone();
        Some(next)
    }

    /// The backup is old by the time it is restored: what was to run out has run out.
    pub(super) fn restore(&self) -> Option<Self> {
        if !self.postgres_up {
            return None;
        }
        let mut next = self.spending(|budget| &mut budget.restores)?;
        next.restored = Some(LEASE);
        next.database = self.backup.clone();
        next.database.row = self.backup.row.map(|row| Row {
            status: row.status,
            ..Row::holding(row.pair, 0, 0)
        });
        for attempt in &mut next.database.attempts {
            attempt.age = GRACE;
        }
        next.remember_what_the_backup_lacks();
        Some(next)
    }

    fn remember_what_the_backup_lacks(&mut self) {
        for (index, grant) in (0..GRANTS).zip(1..) {
            let generations = self.kept().filter(|pair| pair.grant == grant);
            let newest = generations.map(|pair| pair.generation).max().unwrap_or(0);
            let in_flight = self
                .processes
                .iter()
                .any(|process| process.grant() == Some(grant));
            if newest < self.past.sunk[index] || in_flight {
                self.past.sunk[index] = newest;
                self.past.losses[index].with_backup = true;
            }
        }
    }

    /// No exchange from before the restore may be in flight any more: the restored database knows
    /// nothing of it.
    pub(super) fn release(&self, rules: Rules) -> Option<Self> {
        let waited = self.restored? == 0 || rules.mutant == Mutant::ReleaseEarly;
        let reachable = self.postgres_up && self.nats_up;
        let buried = self.database.tombstone == self.deletion_told;
        if !waited || !reachable || !buried || !self.is_folded(rules) {
            return None;
        }
        let mut next = self.clone();
        next.restored = None;
        Some(next)
    }
}
