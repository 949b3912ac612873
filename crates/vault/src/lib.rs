//! The credential store: provider configs, sealed tokens, rotation attempts.
//!
//! Linked by `auth`, which connects; by `token-refresher`, which rotates and revokes; and by
//! nothing else. Every rule here comes from the refresh protocol
//! (docs/adr names the deviations); the SQL stands in `store`.
//!
//! A credential is named by its integration's id: there is one each.

mod back_off;
mod connect;
mod error;
mod inspection;
mod listing;
mod projection;
mod provider_config;
mod revocation;
mod rotation;
mod schedule;
mod sealing;
mod state;
mod status;
mod store;
mod stuck;
mod tokens;
mod upkeep;

use std::sync::Arc;

use sqlx::migrate::Migrator;
use workapi_keyring::{KeyRing, Purpose};
use workapi_postgres::Database;

pub use connect::{Connected, Exchange, ExchangeStart, NewGrant, StateHash};
pub use error::Error;
pub use inspection::{Inspection, JobState, RotationAttempt};
pub use listing::{CredentialFilter, ListedCredential};
pub use projection::Projection;
pub use provider_config::{ConfigDeletion, OAuthClient, ProviderConfig};
pub use revocation::{
    AccountGuard, Clearance, ProviderRevocation, RevocationLease, RevocationStart,
};
pub use rotation::{Failure, RotationLease, RotationStart, SealedAnswer, Settled};
pub use schedule::{Claim, Task};
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

/// The vault: its database and the keys that open it. Clones share both.
#[derive(Clone, Debug)]
pub struct Vault {
    database: Database,
    keyring: Arc<KeyRing>,
}

impl Vault {
    /// Opens the vault with a ring that holds keys for access tokens, refresh tokens and
    /// client secrets.
    ///
    /// # Errors
    /// Fails when a key is missing: a vault never runs without.
    pub fn open(database: Database, keyring: Arc<KeyRing>) -> Result<Self, Error> {
        keyring.require(&[Purpose::Access, Purpose::Refresh, Purpose::Client])?;
        Ok(Self { database, keyring })
    }

    /// Returns the database, for health checks and the outbox relay.
    pub fn database(&self) -> &Database {
        &self.database
    }
}
