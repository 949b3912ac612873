//! The credential store: provider configs, sealed tokens, rotation attempts.
//!
//! Linked by `auth`, which connects; by `token-refresher`, which rotates and revokes; and by
//! nothing else. Every rule here comes from the refresh protocol
//! (docs/adr names the deviations); the SQL stands in `store`.
//!
//! A credential is named by its integration's id: there is one each.

mod answer;
mod back_off;
mod breaker;
mod client_secret;
mod connect;
mod error;
mod exchange;
mod expiry;
mod grant;
mod inspection;
mod journal;
mod listing;
mod on_demand;
mod plan;
mod postpone;
mod projection;
pub mod protocol;
mod provider_config;
mod rejection;
mod restore;
mod revocation;
mod rotation;
mod schedule;
mod sealing;
mod state;
mod status;
mod store;
mod stuck;
mod together;
mod tokens;
mod upkeep;

use std::sync::Arc;

use sqlx::migrate::Migrator;
use workapi_keyring::{KeyRing, Purpose};
use workapi_postgres::Database;
use workapi_types::ProviderConfigId;

use crate::store::credential::{AskedLease, CommitRow, LeasedRow};
use crate::together::Together;

pub use answer::SealedAnswer;
pub use breaker::SuspectClient;
pub use client_secret::{SecretAddition, SecretRemoval, StoredSecret};
pub use connect::{Connected, NewGrant};
pub use error::Error;
pub use exchange::{Exchange, ExchangeStart, OpenExchange, StateHash};
pub use grant::Grant;
pub use inspection::{Inspection, JobState, RotationAttempt};
pub use journal::{Kept, Outcome, Seen, Sinks, Spill, SpillError, Urgency};
pub use listing::{CredentialFilter, ListedCredential};
pub use on_demand::{
    AccessTokenGrant, AccessVault, Check, ClaimNow, OnDemand, OnDemandClaim, OnDemandError,
    RefreshResult, Refreshment, Refusal,
};
pub use plan::FreshnessPolicy;
pub use projection::Projection;
pub use provider_config::{ConfigDeletion, OAuthClient, ProviderConfig};
pub use restore::{Folding, Part, Quarantine, Release, Repair, RestoreWatch, Standing};
pub use revocation::{
    AccountGuard, Clearance, ProviderRevocation, RevocationLease, RevocationStart,
};
pub use rotation::{Failure, RotationLease, RotationStart, SecondChance, Settled};
pub use schedule::{Claim, Claimed, Room, Task};
pub use state::State;
pub use status::CredentialStatus;
pub use stuck::{Retry, StuckCredential, StuckReason};
pub use tokens::TokenSet;

/// The schema of the vault's database.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// The PostgreSQL role of a program that connects integrations.
pub const AUTH_ROLE: &str = "workapi_auth";
/// The PostgreSQL role of a program that rotates and revokes.
pub const TOKEN_REFRESHER_ROLE: &str = "workapi_token_refresher";
/// The PostgreSQL role of a program that uses access tokens.
pub const CONNECTORS_ROLE: &str = "workapi_connectors";

/// The vault: its database and the keys that open it. Clones share both.
#[derive(Clone, Debug)]
pub struct Vault {
    database: Database,
    keyring: Arc<KeyRing>,
    leasing: Arc<Together<AskedLease, Option<LeasedRow>>>,
    committing: Arc<Together<CommitRow, bool>>,
    reading_clients: Arc<Together<ProviderConfigId, Option<OAuthClient>>>,
}

impl Vault {
    /// Opens the vault with a ring that holds keys for access tokens, refresh tokens and
    /// client secrets.
    ///
    /// # Errors
    /// Fails when a key is missing: a vault never runs without.
    pub fn open(database: Database, keyring: Arc<KeyRing>) -> Result<Self, Error> {
        keyring.require(&[Purpose::Access, Purpose::Refresh, Purpose::Client])?;
        Ok(Self {
            database,
            keyring,
            leasing: Arc::new(Together::new()),
            committing: Arc::new(Together::new()),
            reading_clients: Arc::new(Together::new()),
        })
    }

    /// Returns the database, for health checks and the outbox relay.
    pub fn database(&self) -> &Database {
        &self.database
    }
}
