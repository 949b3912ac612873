//! What was presented to the token endpoint, whom it answered, and how far the answers got.
//!
//! Kept only when [`Config::keep_journal`](crate::Config::keep_journal) asks for it: it grows with
//! every refresh and is there for who has to account for each of them.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use uuid::Uuid;

use crate::grant::Redemption;
use crate::ledger::Redeemed;

/// A refresh token that a client presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presentation {
    /// The client.
    pub client_id: String,
    /// The grant.
    pub grant: Uuid,
    /// The number of the presented token within its grant.
    pub serial: u64,
    /// The number of the refresh token that the answer brought, if it brought one.
    pub issued: Option<u64>,
    /// Whether the presented token was accepted.
    pub accepted: bool,
    /// Whether a rotation had spent the presented token before.
    pub was_spent: bool,
    /// Whether the grant died of it.
    pub family_revoked: bool,
    /// The address of ours at which the client reached us.
    pub reached_at: IpAddr,
    /// When the request was read.
    pub received_at: Instant,
    /// When the new tokens came into force.
    pub committed_at: Instant,
    /// How far the answer got.
    pub answer: Answer,
}

/// How far an answer got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is still on its way.
    Pending,
    /// A fault kept it from the client.
    Dropped(Instant),
    /// The client had gone before its last byte was written.
    Broken(Instant),
    /// Its last byte was written, and the client went without reading it.
    Unread(Instant),
    /// Its last byte was written.
    Written(Instant),
}

/// A connection as its requests see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    /// The address of ours.
    pub(crate) at: IpAddr,
    /// When the request was read.
    pub(crate) received_at: Instant,
}

/// Marks the answer to a presentation, for whoever sends it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry(usize);

/// The presentations in their order.
#[derive(Default)]
pub(crate) struct Journal {
    is_kept: bool,
    presentations: Mutex<Vec<Presentation>>,
}

impl Journal {
    /// Makes one that remembers, or one that does not.
    pub(crate) fn new(is_kept: bool) -> Self {
        Self {
            is_kept,
            presentations: Mutex::default(),
        }
    }

    /// Notes a presentation. Whoever holds the ledger calls this, so that the order is its order.
    pub(crate) fn note(
        &self,
        client_id: &str,
        redeemed: &Redeemed,
        reached: Reached,
    ) -> Option<Entry> {
        if !self.is_kept {
            return None;
        }
        let mut presentations = self.lock();
        presentations.push(Presentation {
            client_id: client_id.to_owned(),
            grant: redeemed.grant,
            serial: redeemed.serial,
            issued: redeemed.issued(),
            accepted: redeemed.is_accepted(),
            was_spent: redeemed.was_spent,
            family_revoked: redeemed.redemption == Redemption::FamilyRevoked,
            reached_at: reached.at,
            received_at: reached.received_at,
            committed_at: Instant::now(),
            answer: Answer::Pending,
        });
        Some(Entry(presentations.len() - 1))
    }

    /// Notes how far an answer got.
    pub(crate) fn answered(&self, entry: Entry, answer: Answer) {
        if let Some(presentation) = self.lock().get_mut(entry.0) {
            presentation.answer = answer;
        }
    }

    /// Returns everything that was noted so far.
    pub(crate) fn read(&self) -> Vec<Presentation> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Presentation>> {
        self.presentations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
