//! What an instance of the service is made of.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use workapi_keyring::KeyRing;
use workapi_providers::Catalogue;

/// What an instance of the service is made of.
#[derive(Debug)]
pub struct Config {
    /// The database `vault`, migrated with `workapi_vault::MIGRATOR`.
    pub postgres_url: SecretString,
    /// The most connections to it.
    pub max_connections: u32,
    /// The NATS servers.
    pub nats_url: SecretString,
    /// Put before every stream, subject and durable.
    pub nats_prefix: String,
    /// The providers whose tokens are rotated.
    pub catalogue: Catalogue,
    /// A ring with keys for `access`, `refresh` and `client`.
    pub key_ring: Arc<KeyRing>,
    /// Where answers are kept that no other sink takes; `None`: nowhere. It is this process's own.
    pub spill_directory: Option<PathBuf>,
    /// How many jobs of a kind are worked on at once.
    pub concurrency: usize,
}

impl Config {
    /// The usual [`Config::concurrency`].
    pub const DEFAULT_CONCURRENCY: usize = 64;
}
