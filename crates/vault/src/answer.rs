//! A provider's answer, sealed once for its final place. Every sink stores this ciphertext
//! (refresh protocol, section 4.4).

use std::time::Instant;

use serde::{Deserialize, Serialize};
use workapi_bus::outbox;
use workapi_keyring::Salt;
use workapi_proto::events::v1::CredentialRefreshed;
use workapi_types::{AttemptId, GrantId, IntegrationId, MediaType};

use crate::protocol;
use crate::sealing::{PairSlot, SealedPair};
use crate::store::credential::CommitRow;
use crate::tokens::Deadlines;
use crate::{Grant, StateHash};

/// A provider's answer, sealed for its final place.
#[derive(Debug)]
pub struct SealedAnswer {
    pub(crate) integration_id: IntegrationId,
    pub(crate) grant_id: GrantId,
    pub(crate) generation: i64,
    pub(crate) origin: Origin,
    pub(crate) grant: Grant,
    pub(crate) pair: SealedPair,
    pub(crate) salt: Salt,
    pub(crate) has_new_refresh_token: bool,
    pub(crate) scopes: String,
    /// Whether the answer grants other scopes than the one before.
    pub(crate) scopes_changed: bool,
    pub(crate) deadlines: Deadlines,
    pub(crate) sealed_at: Instant,
}

/// Which request to the provider was answered.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// A rotation.
    Attempt(AttemptId),
    /// The exchange of a code, for a new grant.
    Exchange {
        state_hash: StateHash,
        media_type: MediaType,
        provider_id: String,
        offline: bool,
        /// Entries of older programs do not say it.
        #[serde(default)]
        single_use: bool,
    },
}

/// Leaves out the account, which is a person's.
impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Attempt(id) => f.debug_tuple("Attempt").field(id).finish(),
            Self::Exchange { .. } => f.write_str("Exchange"),
        }
    }
}

impl Origin {
    pub(crate) fn attempt_id(&self) -> Option<AttemptId> {
        match self {
            Self::Attempt(id) => Some(*id),
            Self::Exchange { .. } => None,
        }
    }
}

impl SealedAnswer {
    /// Returns whether a refresh token was asked for, so that its lack is an error.
    pub(crate) fn owes_refresh_token(&self) -> bool {
        matches!(self.origin, Origin::Exchange { offline: true, .. })
    }

    /// Returns whether the stored refresh token can't go on while a rotation may be spending it.
    pub(crate) fn is_single_use(&self) -> bool {
        matches!(
            self.origin,
            Origin::Exchange {
                single_use: true,
                ..
            }
        )
    }

    /// Names the answer as the protocol asks for it.
    pub(crate) fn named(&self) -> protocol::Answer {
        protocol::Answer {
            grant_id: self.grant_id,
            generation: self.generation,
            attempt_id: self.origin.attempt_id(),
        }
    }

    pub(crate) fn slot(&self) -> PairSlot<'_> {
        PairSlot {
            integration_id: &self.integration_id,
            grant_id: self.grant_id,
            generation: self.generation,
        }
    }

    /// Returns the deadlines as they stand now.
    pub(crate) fn deadlines_now(&self) -> Deadlines {
        self.deadlines.later(self.sealed_at.elapsed())
    }

    /// Makes of the answer the row that shall follow generation `stored`.
    pub(crate) fn commit_row(&self, attempt_id: AttemptId, stored: i64) -> CommitRow {
        CommitRow {
            integration_id: self.integration_id.clone(),
            grant_id: self.grant_id,
            stored,
            generation: self.generation,
            attempt_id,
            pair: self.pair.clone(),
            scopes: self.scopes.clone(),
            deadlines: self.deadlines_now(),
            event: outbox::Prepared::new(&self.refreshed_event()),
        }
    }

    pub(crate) fn refreshed_event(&self) -> CredentialRefreshed {
        CredentialRefreshed {
            integration_id: self.integration_id.to_string(),
            environment_guid: self.grant.environment_guid.to_string(),
            provider: self.grant.provider.to_string(),
            grant_id: self.grant_id.to_string(),
            generation: self.generation,
            granted_scopes: self.scopes.clone(),
            scopes_changed: self.scopes_changed,
        }
    }
}
