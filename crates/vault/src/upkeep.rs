//! What the vault does about things that nobody will come back for.

use workapi_types::IntegrationId;

use crate::store::upkeep as store;
use crate::{Error, Vault};

impl Vault {
    /// Returns up to `limit` integrations whose credentials are not being deleted, in the
    /// order of their ids, after `after`.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn integrations_after(
        &self,
        after: Option<&IntegrationId>,
        limit: i64,
    ) -> Result<Vec<IntegrationId>, Error> {
        let ids = store::integrations_after(self.database.pool(), after, limit).await?;
        ids.into_iter()
            .map(|id| id.try_into().map_err(|_| Error::Corrupt("integration id")))
            .collect()
    }

    /// Notes which of `asked` the owner of the integrations knows, and returns those that it
    /// did not know twice, at least 10 minutes apart.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn note_existing(
        &self,
        asked: &[IntegrationId],
        existing: &[IntegrationId],
    ) -> Result<Vec<IntegrationId>, Error> {
        let orphans = store::note_existing(self.database.pool(), asked, existing).await?;
        orphans
            .into_iter()
            .map(|id| id.try_into().map_err(|_| Error::Corrupt("integration id")))
            .collect()
    }

    /// Returns the integrations whose credentials were shredded within the last three hours: an
    /// answer that was on its way may have come into the journal after it was purged.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn shredded_lately(&self) -> Result<Vec<IntegrationId>, Error> {
        let ids = store::shredded_lately(self.database.pool()).await?;
        ids.into_iter()
            .map(|id| id.try_into().map_err(|_| Error::Corrupt("integration id")))
            .collect()
    }

    /// Deletes used states after an hour, attempts after a day, rejections that were not repeated
    /// after three, quarantined answers after their time; and after 35 days exchanges that did not
    /// end, and what is left of deleted integrations.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn purge(&self) -> Result<(), Error> {
        Ok(store::purge(self.database.pool()).await?)
    }
}
