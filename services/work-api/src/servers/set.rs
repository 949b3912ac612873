//! The three servers together, from ready to stopped.

use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use workapi_config::Settings;

use super::Error;
use super::process::Process;
use super::start::{Starter, stop_leftovers};
use super::supervise::supervise;
use crate::data_dir::DataDir;

/// Whether the data has to outlive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It has: what a server acknowledges is on the disk.
    Durable,
    /// It is thrown away with the run; many tests share the servers.
    Throwaway,
}

/// How the servers are reached.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    pub(crate) postgres: SecretString,
    pub(crate) nats: SecretString,
    pub(crate) redis: SecretString,
}

/// The servers of one data directory, all of them ready.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(super) urls: Urls,
    pub(super) processes: Vec<Process>,
}

/// Returns the names of the servers that `settings` does not replace by a URL.
pub(crate) fn to_start(settings: &Settings) -> Vec<&'static str> {
    let servers = [
        ("PostgreSQL", &settings.postgres_url),
        ("NATS", &settings.nats_url),
        ("Valkey", &settings.redis_url),
    ];
    let own = servers.iter().filter(|(_, url)| url.is_none());
    own.map(|(name, _)| *name).collect()
}

impl Servers {
    /// Starts every server that `settings` does not replace by a URL.
    ///
    /// # Errors
    /// One of them cannot run; then none is left running.
    pub(crate) async fn start(
        data_dir: &DataDir,
        settings: &Settings,
        durability: Durability,
    ) -> Result<Self, Error> {
        let starter = Starter {
            data_dir,
            settings,
            durability,
        };
        stop_leftovers(data_dir).await;
        starter.start().await
    }

    /// Returns how the servers are reached.
    pub(crate) fn urls(&self) -> &Urls {
        &self.urls
    }

    /// Keeps the servers running until `stop` is cancelled, and then stops them.
    ///
    /// # Errors
    /// One of them could not be kept running; the others are stopped then.
    pub(crate) async fn run(self, stop: &CancellationToken) -> Result<(), Error> {
        let stop = stop.child_token();
        let mut supervised = JoinSet::new();
        for process in self.processes {
            let stop = stop.clone();
            supervised.spawn(async move {
                let result = supervise(process, &stop).await;
                // Without one of them the others are of no use.
                stop.cancel();
                result
            });
        }
        stop.cancelled().await;
        supervised.join_all().await.into_iter().collect()
    }

    /// Stops the servers.
    pub(crate) async fn stop(self) {
        let mut stopping = JoinSet::new();
        for process in self.processes {
            stopping.spawn(process.stop());
        }
        stopping.join_all().await;
    }
}
