//! The integration is deleted (refresh protocol, section 5).

use super::places::Status;
use super::state::State;

impl State {
    /// Tombstone and row change in one transaction; the event follows from the outbox.
    pub(super) fn delete(&self) -> Option<Self> {
        if self.deletion_told || !self.postgres_up {
            return None;
        }
        let mut next = self.spending(|budget| &mut budget.deletions)?;
        next.deletion_told = true;
        next.bury();
        Some(next)
    }

    /// A database that was restored hears again of what was deleted since its backup.
    pub(super) fn replay_deletion(&self) -> Option<Self> {
        let reachable = self.postgres_up && self.nats_up;
        if !reachable || !self.deletion_told || self.database.tombstone {
            return None;
        }
        let mut next = self.clone();
        next.bury();
        Some(next)
    }

    fn bury(&mut self) {
        self.database.tombstone = true;
        if let Some(row) = &mut self.database.row
            && row.status != Status::Revoked
        {
            row.status = Status::Revoking;
            row.claim = None;
        }
    }

    /// Waits for a refresh in flight: its answer may be the only token that the provider knows.
    pub(super) fn revoke(&self) -> Option<Self> {
        let row = self.reachable_row()?;
        if row.status != Status::Revoking || !row.is_free() || !self.nats_up {
            return None;
        }
        let grant = row.pair.grant;
        let mut next = self.clone();
        next.family_mut(grant).revoked = true;
        next.journal = None;
        next.database.quarantine.clear();
        if let Some(row) = &mut next.database.row {
            row.status = Status::Revoked;
            row.lease = None;
        }
        Some(next)
    }
}
