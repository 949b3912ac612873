//! The use cases of the service, and what they work with.

mod counts;
mod job;
mod refresh;
pub(crate) mod restore;
mod revoke;
mod rotation;
mod shredding;

use workapi_oauth::Client;
use workapi_providers::Catalogue;
use workapi_runtime::Shutdown;
use workapi_vault::{RestoreWatch, Sinks, Vault};

pub(crate) use counts::Counts;

/// What the use cases work with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) sinks: Sinks,
    /// Says whether refresh tokens can be trusted to be unspent.
    pub(crate) restore: RestoreWatch,
    pub(crate) catalogue: Catalogue,
    pub(crate) oauth: Client,
    pub(crate) counts: Counts,
    /// Tracks exchanges, so that a drain waits for them.
    pub(crate) shutdown: Shutdown,
}

impl App {
    pub(crate) fn vault(&self) -> &Vault {
        self.sinks.vault()
    }
}
