//! How an integration is doing, for its developer.

use workapi_errors::Error as Refusal;
use workapi_types::IntegrationId;
use workapi_vault::{CredentialStatus, State};

use crate::app::{App, Caller, Error};

impl App {
    /// Returns how one of the calling user's integrations is doing; `None` when it was never
    /// connected.
    pub(crate) async fn status(
        &self,
        caller: &Caller,
        integration_id: &str,
    ) -> Result<(IntegrationId, Option<CredentialStatus>), Error> {
        let context = self.directory.context(caller, integration_id).await?;
        let status = self.vault().status(&context.integration_id).await?;
        // Between the two answers it was deleted.
        let is_deleted =
            |status: &CredentialStatus| matches!(status.state, State::Revoking | State::Revoked);
        if status.as_ref().is_some_and(is_deleted) {
            return Err(Refusal::not_found("").into());
        }
        Ok((context.integration_id, status))
    }
}
