//! Tells the auth service what an authorization needs to know (architecture section 4).

use workapi_types::IntegrationId;

use super::{App, Caller, Error, integration_not_found};
use crate::store::integrations::{self, AuthorizationContext};

impl App {
    /// Returns an integration of the caller with what its environment allows as `return_to`.
    pub(crate) async fn authorization_context(
        &self,
        caller: &Caller,
        integration_id: &str,
    ) -> Result<AuthorizationContext, Error> {
        let id: IntegrationId = integration_id
            .parse()
            .map_err(|_| integration_not_found())?;
        let context =
            integrations::find_authorization_context(self.database.pool(), &id, &caller.user_id)
                .await?;
        Ok(context.ok_or_else(integration_not_found)?)
    }
}
