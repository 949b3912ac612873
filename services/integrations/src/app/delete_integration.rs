//! Deletes an integration (contract section 2.2, refresh protocol section 5).

use workapi_types::IntegrationId;

use super::{App, Caller, Error, events, integration_not_found};
use crate::store::integrations;

impl App {
    /// Removes an integration of the caller; the event has its credential revoked and shredded.
    pub(crate) async fn delete_integration(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let id: IntegrationId = id.parse().map_err(|_| integration_not_found())?;

        let mut transaction = self.begin().await?;
        if !integrations::delete(transaction.connection(), &id, &caller.user_id).await? {
            return Err(integration_not_found().into());
        }
        let event =
            events::integration_deleted(id.into(), &caller.user_id, caller.environment_guid);
        transaction.append(&event).await?;
        transaction.commit().await?;
        Ok(())
    }
}
