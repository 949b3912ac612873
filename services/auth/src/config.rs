//! What an instance of the service is made of.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;
use workapi_keyring::KeyRing;
use workapi_providers::Catalogue;

/// What an instance of the service is made of.
#[derive(Debug)]
pub struct Config {
    /// Where the gRPC services listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The database `vault`, migrated with `workapi_vault::MIGRATOR`.
    pub postgres_url: SecretString,
    /// The most connections to it.
    pub max_connections: u32,
    /// The NATS servers.
    pub nats_url: SecretString,
    /// Put before every stream, subject and durable.
    pub nats_prefix: String,
    /// The Redis or Valkey server that keeps authorizations under way.
    pub redis_url: SecretString,
    /// Put before every key.
    pub redis_prefix: String,
    /// The providers that can be connected.
    pub catalogue: Catalogue,
    /// A ring with keys for `access`, `refresh`, `client` and `state`.
    pub key_ring: Arc<KeyRing>,
    /// Where answers are kept that no other sink takes; `None`: nowhere. It is this process's own.
    pub spill_directory: Option<PathBuf>,
    /// Where browsers reach the gateway; `auth/callback` below it is the redirect URI.
    pub public_url: Url,
    /// The gRPC URL of the integrations service.
    pub integrations_url: String,
    /// What operators show.
    pub admin_token: SecretString,
    /// What this service shows to `integrations` where no user is involved.
    pub internal_token: SecretString,
    /// How often the loops of the service look for work.
    pub intervals: Intervals,
}

/// How often the loops of the service look for work.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// Credentials that are due.
    pub schedule: Duration,
    /// Exchanges whose process died: their grants may be in the journal.
    pub recovery: Duration,
    /// Grants of whose end nobody was told yet.
    pub expiry: Duration,
    /// Accounts that `integrations` has yet to be told.
    pub projection: Duration,
    /// Credentials whose integrations are gone, and old records.
    pub upkeep: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Self {
            schedule: Duration::from_millis(200),
            recovery: Duration::from_secs(5),
            expiry: Duration::from_mins(1),
            projection: Duration::from_secs(1),
            upkeep: Duration::from_hours(1),
        }
    }
}
