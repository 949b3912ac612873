//! Credentials as operators list them.

use sqlx::types::time::OffsetDateTime;
use workapi_providers::{Action, Cause};
use workapi_types::{EnvironmentGuid, IntegrationId, ProviderName};

use crate::state::stored_cause;
use crate::store::credential as store;
use crate::{Error, State, Vault};

/// Which credentials to list: those that match everything that is given.
#[derive(Clone, Debug, Default)]
pub struct CredentialFilter {
    /// Only those in this state; `None`: in every state but `revoked`.
    pub state: Option<State>,
    /// Only those with this cause.
    pub cause: Option<Cause>,
    /// Only those at this provider.
    pub provider: Option<ProviderName>,
    /// Only those of this environment.
    pub environment_guid: Option<EnvironmentGuid>,
}

/// A credential in a list, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCredential {
    /// The integration.
    pub integration_id: IntegrationId,
    /// Its environment.
    pub environment_guid: EnvironmentGuid,
    /// The provider.
    pub provider: ProviderName,
    /// Its state.
    pub state: State,
    /// Why it is not well, `None` when it is.
    pub cause: Option<Cause>,
    /// What has to happen.
    pub action: Action,
    /// Since when it is in this state.
    pub since: OffsetDateTime,
    /// When the provider last gave a token.
    pub last_success_at: OffsetDateTime,
    /// When the stored access token ends.
    pub access_expires_at: OffsetDateTime,
}

impl Vault {
    /// Lists up to `limit` credentials in the order of their integrations' ids, after `after`.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn credentials(
        &self,
        filter: &CredentialFilter,
        after: Option<&IntegrationId>,
        limit: i64,
    ) -> Result<Vec<ListedCredential>, Error> {
        let rows = store::list(self.database.pool(), filter, after, limit).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TryFrom<store::ListedRow> for ListedCredential {
    type Error = Error;

    fn try_from(row: store::ListedRow) -> Result<Self, Error> {
        let state = State::stored(&row.state)?;
        let cause = stored_cause(row.cause.as_deref())?;
        Ok(Self {
            integration_id: row
                .integration_id
                .try_into()
                .map_err(|_| Error::Corrupt("integration id"))?,
            environment_guid: EnvironmentGuid::from_uuid(row.environment_guid),
            provider: row
                .provider
                .try_into()
                .map_err(|_| Error::Corrupt("provider name"))?,
            state,
            cause,
            action: state.action_for(cause),
            since: row.state_since,
            last_success_at: row.last_success_at,
            access_expires_at: row.access_expires_at,
        })
    }
}
