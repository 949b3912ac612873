//! What an instance of the service is made of.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    /// The Redis server through which replicas share the limits of providers; without one each
    /// keeps to its part of them.
    pub redis_url: Option<SecretString>,
    /// Put before every Redis key.
    pub redis_prefix: String,
    /// How long Redis may take to answer before a replica keeps to its part of the limits.
    pub redis_patience: Duration,
    /// How many replicas there are, for limits without Redis.
    pub replicas: NonZeroU32,
    /// The providers whose tokens are rotated.
    pub catalogue: Catalogue,
    /// A ring with keys for `access`, `refresh` and `client`.
    pub key_ring: Arc<KeyRing>,
    /// Where answers are kept that no other sink takes; `None`: nowhere. It is this process's own.
    pub spill_directory: Option<PathBuf>,
    /// How many jobs of a kind are worked on at once.
    pub concurrency: usize,
    /// How many rotations begin at the same time; requests under way do not count.
    pub at_once: NonZeroU16,
}

impl Config {
    /// The usual [`Config::concurrency`].
    pub const DEFAULT_CONCURRENCY: usize = 1024;
    /// The usual [`Config::at_once`]: with three replicas, PostgreSQL and NATS on two processors, 99
    /// in 100 answers are then stored within 20 ms (refresh protocol, section 7).
    pub const DEFAULT_AT_ONCE: NonZeroU16 = NonZeroU16::new(4).unwrap();
    /// The usual [`Config::redis_patience`].
    pub const DEFAULT_REDIS_PATIENCE: Duration = Duration::from_millis(100);
}
