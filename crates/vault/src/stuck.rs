//! Credentials that have not moved on as they should, and how an operator moves them.

use sqlx::types::time::OffsetDateTime;
use workapi_bus::outbox;
use workapi_proto::events::v1::CredentialStateChanged;
use workapi_providers::Cause;
use workapi_types::{EnvironmentGuid, IntegrationId, ProviderName};

use crate::state::stored_cause;
use crate::store::credential as store;
use crate::{Error, State, Vault};

/// How a credential is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StuckReason {
    /// Three of its refresh jobs died with their processes.
    GivenUp,
    /// A refresh token was sent, and 10 minutes after the lease nobody knows how that ended.
    Unresolved,
    /// Its integration was deleted over an hour ago, and its revocation is not over.
    Revoking,
    /// It was due over 5 minutes ago, and nobody has looked at it.
    Overdue,
}

/// A credential that has not moved on as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckCredential {
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
    /// How it is stuck.
    pub reason: StuckReason,
    /// Since when.
    pub since: OffsetDateTime,
}

/// Whether a credential could be made due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It is due now, in this state.
    Due(State),
    /// Only its user can bring it back, by connecting again.
    NeedsReconnect,
    /// The provider never gave a refresh token.
    NoRefreshToken,
    /// Its integration is deleted and its secrets are shredded.
    Revoked,
    /// There is none.
    Missing,
}

impl Vault {
    /// Lists up to `limit` ways in which credentials are stuck, the longest first.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn stuck(&self, limit: i64) -> Result<Vec<StuckCredential>, Error> {
        let rows = store::stuck(self.database.pool(), limit).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Makes a credential due at once, as an operator asks: what it waited for is forgotten, and so
    /// are the jobs that died.
    ///
    /// One that needed an operator is `refresh_failing` until it is refreshed, even if its access
    /// token is still good: so the change has an event, and so has the next one.
    ///
    /// # Errors
    /// Fails when the vault does; nothing is changed then.
    pub async fn retry(&self, integration_id: &IntegrationId) -> Result<Retry, Error> {
        let mut transaction = self.database.begin().await?;
        let Some(row) = store::lock_for_retry(&mut transaction, integration_id).await? else {
            return Ok(Retry::Missing);
        };
        let state = State::stored(&row.state)?;
        let next = match state {
            State::NeedsReconnect => return Ok(Retry::NeedsReconnect),
            State::Revoked => return Ok(Retry::Revoked),
            State::Revoking => state,
            _ if !row.has_refresh_token => return Ok(Retry::NoRefreshToken),
            State::NeedsOperator | State::RefreshFailing => State::RefreshFailing,
            State::Active => state,
        };
        store::make_due(&mut transaction, integration_id, next).await?;
        if next != state {
            let cause = stored_cause(row.cause.as_deref())?;
            let event = CredentialStateChanged {
                integration_id: integration_id.to_string(),
                environment_guid: row.environment_guid.to_string(),
                provider: row.provider,
                state: next.to_string(),
                cause: row.cause.unwrap_or_default(),
                action: next.action_for(cause).to_string(),
            };
            outbox::append(&mut transaction, &event).await?;
        }
        transaction.commit().await?;
        Ok(Retry::Due(next))
    }
}

impl TryFrom<store::StuckRow> for StuckCredential {
    type Error = Error;

    fn try_from(row: store::StuckRow) -> Result<Self, Error> {
        let reason = match row.reason.as_str() {
            "given_up" => StuckReason::GivenUp,
            "unresolved" => StuckReason::Unresolved,
            "revoking" => StuckReason::Revoking,
            "overdue" => StuckReason::Overdue,
            _ => return Err(Error::Corrupt("reason")),
        };
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
            state: State::stored(&row.state)?,
            cause: stored_cause(row.cause.as_deref())?,
            reason,
            since: row.since,
        })
    }
}
