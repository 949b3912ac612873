//! The use cases of the service, one file each.

mod authorizations;
mod begin;
mod complete;
pub(crate) mod deletions;
mod directory;
mod error;
mod exchange;
mod mobile;
mod outcome;
pub(crate) mod projections;
mod provider_configs;
pub(crate) mod recovery;
pub(crate) mod restore;
mod return_to;
pub(crate) mod scheduler;
pub(crate) mod upkeep;

use url::Url;
use workapi_oauth::Client;
use workapi_providers::Catalogue;
use workapi_runtime::Shutdown;
use workapi_vault::{Sinks, Vault};

pub(crate) use authorizations::Authorizations;
pub(crate) use complete::{Callback, Completed};
pub(crate) use directory::{Caller, Directory};
pub(crate) use error::Error;
pub(crate) use outcome::Outcome;
pub(crate) use provider_configs::NewProviderConfig;

/// What the use cases work with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) sinks: Sinks,
    pub(crate) authorizations: Authorizations,
    pub(crate) catalogue: Catalogue,
    pub(crate) oauth: Client,
    pub(crate) directory: Directory,
    /// The redirect URI of every authorization.
    pub(crate) callback_url: Url,
    /// Tracks exchanges, so that no caller's end is theirs.
    pub(crate) shutdown: Shutdown,
}

impl App {
    pub(crate) fn vault(&self) -> &Vault {
        self.sinks.vault()
    }
}
