//! The use cases of the service, and what they work with.

mod admit;
mod breakers;
mod counts;
mod job;
mod on_demand;
mod refresh;
pub(crate) mod restore;
mod revoke;
mod rotation;
mod shredding;
mod turns;

use std::sync::Arc;

use workapi_bus::Bus;
use workapi_oauth::Client;
use workapi_providers::Catalogue;
use workapi_runtime::Shutdown;
use workapi_vault::{RestoreWatch, Sinks, Vault};

pub(crate) use breakers::Breakers;
pub(crate) use counts::{Counts, open_breakers};
pub(crate) use turns::Turns;

use crate::limits::Limits;

/// What the use cases work with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) sinks: Sinks,
    pub(crate) bus: Bus,
    /// Says whether refresh tokens can be trusted to be unspent.
    pub(crate) restore: RestoreWatch,
    pub(crate) catalogue: Catalogue,
    pub(crate) oauth: Client,
    pub(crate) limits: Arc<Limits>,
    pub(crate) breakers: Breakers,
    pub(crate) counts: Counts,
    pub(crate) turns: Turns,
    /// Tracks exchanges, so that a drain waits for them.
    pub(crate) shutdown: Shutdown,
}

impl App {
    pub(crate) fn vault(&self) -> &Vault {
        self.sinks.vault()
    }
}
