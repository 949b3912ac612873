//! A request that brought nothing (refresh protocol, sections 4.7, 6 and 8).

use workapi_providers::{Action as Verdict, Cause};
use workapi_vault::protocol::cause_of_rejection;

use super::places::{Lease, Row, Stage, Status};
use super::rules::{DEADLINE, Mutant, Rules, attempt_of_age};
use super::state::State;

impl State {
    pub(super) fn postpone(&self, rules: Rules, process: usize) -> Option<Self> {
        if !self.postgres_up {
            return None;
        }
        let mut next = self.with_stage(process, Stage::Idle);
        match self.stage(process)? {
            Stage::TurnedDown(lease) => next.give_back(&lease, 1),
            Stage::Unknown(lease) => next.record_unknown(rules, &lease),
            _ => return None,
        }
        Some(next)
    }

    /// The attempt stays open. Where a second request may do harm, the lease is left to run out:
    /// the first one may be on its way still.
    fn record_unknown(&mut self, rules: Rules, lease: &Lease) {
        let patient = rules.replay().is_single_use() && rules.mutant != Mutant::RetryAtOnce;
        let Some(row) = self.row_of(lease) else {
            return;
        };
        row.claim = None;
        row.due_in = if patient { lease.left } else { 1 };
        if !patient {
            row.lease = None;
        }
    }

    /// Ends a lease under which the provider did not rotate.
    pub(super) fn give_back(&mut self, lease: &Lease, due_in: u8) {
        if let Some(row) = self.row_of(lease) {
            *row = Row {
                claim: None,
                lease: None,
                due_in,
                ..*row
            };
        }
        self.database
            .attempts
            .retain(|attempt| attempt.number != lease.attempt);
    }

    pub(super) fn record_rejection(&self, rules: Rules, process: usize) -> Option<Self> {
        let Stage::Rejected(lease) = self.stage(process)? else {
            return None;
        };
        if !self.postgres_up {
            return None;
        }
        if let Some(other) = self.quarantined(rules, &lease) {
            return Some(self.try_quarantined(process, lease, other));
        }
        let unresolved = self
            .unresolved(lease.place, lease.attempt)
            .map(attempt_of_age);
        let (action, cause) = (Verdict::Reconnect, Cause::Unknown);
        let cause = cause_of_rejection(rules.replay(), unresolved, action, cause);
        let mut next = self.with_stage(process, Stage::Idle);
        let blind = rules.mutant == Mutant::RejectWithoutReread;
        let row = next.database.row.as_mut().filter(|row| {
            let unmoved = row.is_leased_to(lease.attempt) && row.pair.place() == lease.place;
            row.status == Status::Active && (unmoved || blind)
        });
        if let Some(row) = row {
            let ambiguous = cause == Cause::AmbiguousRotation;
            row.status = Status::NeedsReconnect { ambiguous };
            (row.claim, row.lease) = (None, None);
        }
        next.database
            .attempts
            .retain(|attempt| attempt.number != lease.attempt);
        Some(next)
    }

    /// Returns the newest answer in quarantine that was not tried in the place of a refused token.
    fn quarantined(&self, rules: Rules, lease: &Lease) -> Option<usize> {
        let row = self.database.row?;
        let ours = row.is_leased_to(lease.attempt) && row.pair.place() == lease.place;
        let in_time = has_time(lease) || rules.mutant != Mutant::GiveUpOutOfTime;
        if !ours || !in_time || rules.mutant == Mutant::IgnoreQuarantine {
            return None;
        }
        let mut kept = self.database.quarantine.iter();
        kept.rposition(|aside| !aside.tried && aside.pair.grant == lease.place.0)
    }

    /// Sends a token out of quarantine under the same lease, or leaves it to the next one.
    fn try_quarantined(&self, process: usize, lease: Lease, other: usize) -> Self {
        if !has_time(&lease) {
            let mut next = self.with_stage(process, Stage::Idle);
            next.give_back(&lease, 0);
            return next;
        }
        let serial = self.database.quarantine[other].pair.serial;
        let mut next = self.with_stage(process, Stage::Asking(Lease { serial, ..lease }));
        next.database.quarantine[other].tried = true;
        next
    }

    fn row_of(&mut self, lease: &Lease) -> Option<&mut Row> {
        let row = self.database.row.as_mut();
        row.filter(|row| row.is_leased_to(lease.attempt) && row.pair.place() == lease.place)
    }
}

/// Returns whether one more exchange fits into a lease.
fn has_time(lease: &Lease) -> bool {
    lease.left >= DEADLINE
}
