//! The three sinks of a process: PostgreSQL, the journal, and the spill directory if there is one.

use std::path::Path;

use workapi_bus::Journal;
use workapi_types::{GrantId, IntegrationId};

use super::freshness::Freshness;
use super::{Entry, Spill};
use crate::{Error, Vault};

/// Where the answers of providers are kept. Clones share everything.
#[derive(Clone, Debug)]
pub struct Sinks {
    pub(super) vault: Vault,
    pub(super) journal: Journal,
    pub(super) spill: Option<Spill>,
    pub(super) freshness: Freshness,
}

impl Sinks {
    /// Takes possession of the spill directory, if there is one.
    ///
    /// # Errors
    /// Fails when the directory can't be written, or another process has it.
    pub fn open(
        vault: Vault,
        journal: Journal,
        spill_directory: Option<&Path>,
    ) -> Result<Self, Error> {
        Ok(Self {
            vault,
            journal,
            spill: spill_directory.map(Spill::open).transpose()?,
            freshness: Freshness::default(),
        })
    }

    /// Returns the vault, which is the first sink.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Makes everything unreadable that the journal keeps of a credential that is shredded.
    ///
    /// # Errors
    /// Fails when the journal does.
    pub async fn purge(&self, integration_id: &IntegrationId) -> Result<(), Error> {
        Ok(self.journal.purge(integration_id.as_str()).await?)
    }

    /// Takes a grant that was refused out of the journal, if it is there: the answers of the one that
    /// stands need the place.
    ///
    /// # Errors
    /// Fails when the journal does.
    pub async fn forget_grant(
        &self,
        integration_id: &IntegrationId,
        grant_id: GrantId,
    ) -> Result<(), Error> {
        let Some(kept) = self.journal.last(integration_id.as_str()).await? else {
            return Ok(());
        };
        if Entry::from_bytes(&kept.message)?.grant_id == grant_id {
            self.journal.forget(kept.number).await?;
        }
        Ok(())
    }

    /// Returns what the journal keeps of a credential.
    pub(super) async fn journalled(
        &self,
        integration_id: &IntegrationId,
    ) -> Result<Option<Entry>, Error> {
        let found = self.journal.last(integration_id.as_str()).await?;
        found
            .map(|kept| Entry::from_bytes(&kept.message))
            .transpose()
    }
}
