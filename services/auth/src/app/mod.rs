//! The use cases of the service, one file each.

mod authorizations;
mod begin;
mod client_secrets;
mod complete;
mod credential_check;
mod credentials;
pub(crate) mod deletions;
mod directory;
mod error;
mod eviction;
mod exchange;
pub(crate) mod expiring;
mod jobs;
mod mobile;
mod outcome;
mod page;
pub(crate) mod projections;
mod provider_configs;
pub(crate) mod recovery;
pub(crate) mod restore;
mod return_to;
pub(crate) mod scheduler;
mod statuses;
pub(crate) mod upkeep;

use url::Url;
use workapi_bus::Bus;
use workapi_oauth::Client;
use workapi_providers::Catalogue;
use workapi_runtime::Shutdown;
use workapi_vault::{OnDemand, Sinks, Vault};

pub(crate) use authorizations::Authorizations;
pub(crate) use complete::{Callback, Completed};
pub(crate) use credentials::CredentialQuery;
pub(crate) use directory::{Caller, Directory};
pub(crate) use error::Error;
pub(crate) use eviction::Evictions;
pub(crate) use jobs::{JobTarget, Letter};
pub(crate) use outcome::Outcome;
pub(crate) use provider_configs::NewProviderConfig;

/// What the use cases work with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) sinks: Sinks,
    /// Looks at credentials, and has them refreshed; opens nothing.
    pub(crate) on_demand: OnDemand,
    /// Where the dead letters are.
    pub(crate) bus: Bus,
    pub(crate) authorizations: Authorizations,
    pub(crate) catalogue: Catalogue,
    pub(crate) oauth: Client,
    pub(crate) directory: Directory,
    pub(crate) evictions: Evictions,
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
