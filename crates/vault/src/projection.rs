//! Accounts that the owner of the integrations has yet to be told.
//!
//! `provider_id` is shown by the API, so it belongs to `integrations`; it is learnt here.
//! The row is written with the grant and stays until the owner has confirmed it.

use workapi_types::{GrantId, IntegrationId, MediaType, ProviderName};

use crate::store::projection as store;
use crate::{Error, Vault};

/// An account to be recorded on its integration.
#[derive(Clone)]
pub struct Projection {
    /// The integration.
    pub integration_id: IntegrationId,
    /// The grant under which the account was learnt.
    pub grant_id: GrantId,
    /// The provider to which the integration was connected.
    pub provider: ProviderName,
    /// The media type for which it was connected.
    pub media_type: MediaType,
    /// The account's display name at the provider.
    pub provider_id: String,
}

impl std::fmt::Debug for Projection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Projection")
            .field("integration_id", &self.integration_id)
            .field("grant_id", &self.grant_id)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// Takes up to `limit` projections that are due; they are due again in 30 seconds unless
    /// they are finished before.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn claim_projections(&self, limit: i64) -> Result<Vec<Projection>, Error> {
        let rows = store::claim_due(self.database.pool(), limit).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Forgets a projection that the owner has confirmed.
    ///
    /// # Errors
    /// Fails when the vault does; the owner is then told once more.
    pub async fn finish_projection(
        &self,
        integration_id: &IntegrationId,
        grant_id: GrantId,
    ) -> Result<(), Error> {
        Ok(store::delete(self.database.pool(), integration_id, grant_id).await?)
    }
}

impl TryFrom<store::Row> for Projection {
    type Error = Error;

    fn try_from(row: store::Row) -> Result<Self, Error> {
        Ok(Self {
            integration_id: row
                .integration_id
                .try_into()
                .map_err(|_| Error::Corrupt("integration id"))?,
            grant_id: GrantId::from_uuid(row.grant_id),
            provider: row
                .provider
                .try_into()
                .map_err(|_| Error::Corrupt("provider name"))?,
            media_type: row
                .media_type
                .parse()
                .map_err(|_| Error::Corrupt("media type"))?,
            provider_id: row.provider_id,
        })
    }
}
