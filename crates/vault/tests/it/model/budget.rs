//! How often each thing may happen that would otherwise happen for ever.

use super::state::State;

/// What is left of it. Nothing else bounds a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Refresh tokens that the provider exchanges.
    pub(super) rotations: u8,
    /// Requests that the provider turns down without looking at the token (429, 503).
    pub(super) refusals: u8,
    /// Answers that are lost on the wire, and requests that nobody waits for any more.
    pub(super) lost_answers: u8,
    /// Refreshers that are killed.
    pub(super) kills: u8,
    /// Processes that stand still for a while.
    pub(super) stalls: u8,
    /// Commits that work without the process hearing of it.
    pub(super) unheard_commits: u8,
    /// Outages of PostgreSQL. A hang and a refusal are the same.
    pub(super) postgres_outages: u8,
    /// Outages of NATS.
    pub(super) nats_outages: u8,
    /// Consents of the user after the first.
    pub(super) reconnects: u8,
    /// Deletions of the integration.
    pub(super) deletions: u8,
    /// Grants that the user ends at the provider.
    pub(super) withdrawals: u8,
    /// Backups of PostgreSQL. Before the first one there is that of the empty database.
    pub(super) backups: u8,
    /// Backups that are restored.
    pub(super) restores: u8,
}

impl State {
    /// Returns this state with one less of a budget; `None` when that is used up.
    pub(super) fn spending(&self, of: fn(&mut Budget) -> &mut u8) -> Option<Self> {
        let mut budget = self.budget;
        let left = of(&mut budget);
        *left = left.checked_sub(1)?;
        let mut next = self.clone();
        next.budget = budget;
        Some(next)
    }
}
