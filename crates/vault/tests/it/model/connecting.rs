//! The user consents once more (refresh protocol, sections 2 and 5).

use super::places::{Held, Pair, Stage};
use super::provider::Family;
use super::state::{AUTH, GRANTS, State};

impl State {
    /// The grant's number is drawn from PostgreSQL's clock, so it only grows, over a restore too.
    pub(super) fn reconnect(&self) -> Option<Self> {
        let possible = self.postgres_up
            && !self.deletion_told
            && self.families.len() < GRANTS
            && self.stage(AUTH)? == Stage::Idle;
        if !possible {
            return None;
        }
        let mut next = self.spending(|budget| &mut budget.reconnects)?;
        next.families.push(Family::authorized());
        let pair = Pair {
            grant: u8::try_from(next.families.len()).expect("there are few grants"),
            generation: 1,
            attempt: None,
            serial: 0,
        };
        next.processes[AUTH].stage = Stage::Holding(Held {
            pair,
            journaled: false,
            committed: false,
        });
        Some(next)
    }

    /// Not told to anybody: the next refresh finds out.
    pub(super) fn withdraw(&self) -> Option<Self> {
        let grant = self.database.row?.pair.grant;
        let mut next = self.spending(|budget| &mut budget.withdrawals)?;
        next.family_mut(grant).revoked = true;
        next.losses_mut(grant).withdrawn = true;
        Some(next)
    }
}
