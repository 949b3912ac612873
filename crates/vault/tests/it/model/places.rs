//! The places that hold something: a row and its tables, a process, the wire.

use workapi_vault::State as Stored;

/// A token pair: what an answer brought, and what every sink stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pair {
    /// The number of the grant, from 1.
    pub(super) grant: u8,
    pub(super) generation: u8,
    /// The attempt that brought it, unless connecting did.
    pub(super) attempt: Option<u8>,
    /// Which of the grant's refresh tokens it holds.
    pub(super) serial: u8,
}

impl Pair {
    /// Returns what names the pair and orders it.
    pub(super) fn place(self) -> (u8, u8) {
        (self.grant, self.generation)
    }
}

/// The vault's database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Database {
    pub(super) row: Option<Row>,
    /// Attempts of which it is not known whether the provider rotated: `sent` and `unknown`.
    pub(super) attempts: Vec<Attempt>,
    pub(super) quarantine: Vec<Aside>,
    pub(super) tombstone: bool,
}

/// An answer that lost a race.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Aside {
    pub(super) pair: Pair,
    /// Whether the provider was asked to take it. It is remembered, for a fold brings it again.
    pub(super) tried: bool,
}

/// The credential's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Row {
    /// What is sealed in it. It cannot be opened any more when the status is `Revoked`.
    pub(super) pair: Pair,
    pub(super) status: Status,
    /// How long the access token still lives.
    pub(super) access_left: u8,
    /// When somebody has to look at it.
    pub(super) due_in: u8,
    /// The process whose claim is the newest, as long as nothing else has changed the row.
    pub(super) claim: Option<usize>,
    /// The attempt that holds the lease, and how long.
    pub(super) lease: Option<(u8, u8)>,
}

impl Row {
    /// A row that has just taken `pair`.
    pub(super) fn holding(pair: Pair, access_left: u8, due_in: u8) -> Self {
        Self {
            pair,
            status: Status::Active,
            access_left,
            due_in,
            claim: None,
            lease: None,
        }
    }

    /// Returns whether the lease of an attempt still is the row's.
    pub(super) fn is_leased_to(&self, attempt: u8) -> bool {
        self.lease.is_some_and(|(holder, _)| holder == attempt)
    }

    /// Returns whether the lease, if any, has run out.
    pub(super) fn is_free(&self) -> bool {
        self.lease.is_none_or(|(_, left)| left == 0)
    }
}

/// What is stored about a credential. `refresh_failing` differs from `active` only in what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Status {
    Active,
    /// The grant is dead; `ambiguous` when that is put down to an answer that was lost.
    NeedsReconnect {
        ambiguous: bool,
    },
    Revoking,
    Revoked,
}

impl From<Status> for Stored {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::NeedsReconnect { .. } => Self::NeedsReconnect,
            Status::Revoking => Self::Revoking,
            Status::Revoked => Self::Revoked,
        }
    }
}

/// An attempt that was recorded before it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    pub(super) number: u8,
    /// Grant and generation of the token that it sends.
    pub(super) place: (u8, u8),
    pub(super) age: u8,
}

/// A program's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) stage: Stage,
    /// Whether it stands still: stopped, swapped out, cut off.
    pub(super) stalled: bool,
    pub(super) spill: Option<Pair>,
}

impl Process {
    /// Returns the lease under which it works.
    pub(super) fn lease(&self) -> Option<Lease> {
        let mut process = *self;
        process.lease_mut().copied()
    }

    pub(super) fn lease_mut(&mut self) -> Option<&mut Lease> {
        match &mut self.stage {
            Stage::Leased(lease)
            | Stage::Asking(lease)
            | Stage::Answering(lease, _)
            | Stage::Rejected(lease)
            | Stage::Unknown(lease)
            | Stage::TurnedDown(lease) => Some(lease),
            Stage::Down | Stage::Idle | Stage::Claimed | Stage::Holding(_) => None,
        }
    }

    /// Returns the grant that it works on.
    pub(super) fn grant(&self) -> Option<u8> {
        match self.stage {
            Stage::Holding(held) => Some(held.pair.grant),
            _ => self.lease().map(|lease| lease.place.0),
        }
    }

    /// Returns the attempt that it works on.
    pub(super) fn attempt(&self) -> Option<u8> {
        match self.stage {
            Stage::Holding(held) => held.pair.attempt,
            _ => self.lease().map(|lease| lease.attempt),
        }
    }

    /// Returns the request whose answer it waits for.
    pub(super) fn request(&self) -> Option<Request> {
        let (Stage::Asking(lease) | Stage::Answering(lease, _)) = self.stage else {
            return None;
        };
        Some(Request {
            grant: lease.place.0,
            serial: lease.serial,
            left: lease.left,
            overtakes: lease.overtakes,
        })
    }
}

/// How far a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Down,
    Idle,
    /// It has a job. Whether the job still means anything stands in the row.
    Claimed,
    Leased(Lease),
    /// The request is on its way to the provider, or being handled.
    Asking(Lease),
    /// The provider has rotated; its answer is on the wire.
    Answering(Lease, u8),
    /// The provider has refused the token.
    Rejected(Lease),
    /// Nobody knows what became of the request.
    Unknown(Lease),
    /// The provider has not looked at the token.
    TurnedDown(Lease),
    /// The answer is in memory.
    Holding(Held),
}

/// The right to send one token, and what was known when it was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lease {
    pub(super) attempt: u8,
    /// Grant and generation of the row.
    pub(super) place: (u8, u8),
    /// The token to send: the row's, or one out of quarantine.
    pub(super) serial: u8,
    pub(super) left: u8,
    /// The age of the first unresolved attempt with the same token.
    pub(super) unresolved: Option<u8>,
    pub(super) access_left: u8,
    /// Whether the journal was read, so that the unresolved attempts have no answer there.
    pub(super) looked: bool,
    /// Whether another process had the answer in its memory or spill file alone at that moment.
    pub(super) overtakes: bool,
}

/// An answer in memory, and which sinks are done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) pair: Pair,
    pub(super) journaled: bool,
    pub(super) committed: bool,
}

/// A refresh token on its way to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Request {
    pub(super) grant: u8,
    pub(super) serial: u8,
    /// How long the lease lasts under which it was sent.
    pub(super) left: u8,
    /// Whether another process had the answer in its memory or spill file alone.
    pub(super) overtakes: bool,
}
