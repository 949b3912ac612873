//! What a test wants its stack to be like.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use workapi_testkit::Proxy;
use workapi_types::Clock;

/// What a test wants its stack to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many replicas of every service run.
    pub replicas: usize,
    /// Manifests that add to or override the embedded ones.
    pub providers_dir: Option<PathBuf>,
    /// Manifests in the place of a `providers_dir`, a provider's name and its file's text each.
    /// `{sandbox}` stands for the sandbox's address, which is not known before the start.
    pub manifests: Vec<(&'static str, String)>,
    /// The Redis server, where it is not the test run's.
    pub redis_url: Option<SecretString>,
    /// The way to the vault's database server, where it is not the direct one.
    pub vault_way: Option<Arc<Proxy>>,
    /// The way to the NATS server, where it is not the direct one.
    pub nats_way: Option<Arc<Proxy>>,
    /// How often auth tells accounts that could not be told, sweeps and purges.
    pub upkeep: Duration,
    /// What time it is for user tokens and APTs.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            replicas: 1,
            providers_dir: None,
            manifests: Vec::new(),
            redis_url: None,
            vault_way: None,
            nats_way: None,
            upkeep: Duration::from_hours(1),
            clock: Clock::system(),
        }
    }
}
