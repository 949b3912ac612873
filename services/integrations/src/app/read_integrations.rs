//! Reads integrations (contract section 2.2).

use workapi_types::IntegrationId;

use super::{App, Caller, Error, integration_not_found};
use crate::model::Integration;
use crate::store::integrations;

impl App {
    /// Returns the caller's integrations in the order of their creation.
    pub(crate) async fn list_integrations(
        &self,
        caller: &Caller,
    ) -> Result<Vec<Integration>, Error> {
        Ok(integrations::list(self.database.pool(), &caller.user_id).await?)
    }

    /// Returns an integration of the caller.
    pub(crate) async fn get_integration(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<Integration, Error> {
        let id: IntegrationId = id.parse().map_err(|_| integration_not_found())?;
        let integration = integrations::find(self.database.pool(), &id, &caller.user_id).await?;
        Ok(integration.ok_or_else(integration_not_found)?)
    }
}
