//! What a developer may know about a credential.

use sqlx::types::time::OffsetDateTime;
use workapi_providers::{Action, Cause};
use workapi_types::{IntegrationId, Scopes};

use crate::state::stored_cause;
use crate::store::credential as store;
use crate::{Error, State, Vault};

/// How a credential is doing, without any of its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialStatus {
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
    /// The scopes that were asked for.
    pub scopes_asked: Scopes,
    /// The scopes that the provider granted last.
    pub scopes_granted: Scopes,
}

impl Vault {
    /// Returns how the credential of an integration is doing; `None` when it was never connected.
    ///
    /// An open breaker of its provider config lies over what is stored: then it is the operator's
    /// matter, whatever else there is (refresh protocol, section 1).
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn status(
        &self,
        integration_id: &IntegrationId,
    ) -> Result<Option<CredentialStatus>, Error> {
        let row = store::status(self.database.pool(), integration_id).await?;
        row.map(TryInto::try_into).transpose()
    }
}

impl TryFrom<store::StatusRow> for CredentialStatus {
    type Error = Error;

    fn try_from(row: store::StatusRow) -> Result<Self, Error> {
        let state = State::stored(&row.state)?;
        let stored = stored_cause(row.cause.as_deref())?;
        let (cause, action) = if row.breaker_open {
            (Some(Cause::OperatorConfig), Action::Operator)
        } else {
            (stored, state.action_for(stored))
        };
        Ok(Self {
            state,
            cause,
            action,
            since: row.state_since,
            last_success_at: row.last_success_at,
            access_expires_at: row.access_expires_at,
            scopes_asked: row.asked_scopes.split_whitespace().collect(),
            scopes_granted: row.granted_scopes.split_whitespace().collect(),
        })
    }
}
