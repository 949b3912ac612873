//! Records the account that an integration was connected to (refresh protocol sections 1 and 2).

use workapi_errors::Error as Refusal;
use workapi_types::{GrantId, IntegrationId};

use super::{App, Error, events, integration_not_found};
use crate::store::integrations::{self, OwnedIntegration};

/// The longest display name of an account, in bytes.
const MAX_LENGTH: usize = 1024;

impl App {
    /// Writes the account's display name, unless a newer grant has written one.
    ///
    /// # Errors
    /// `not_found` when the integration is gone, which is final.
    pub(crate) async fn record_provider_id(
        &self,
        integration_id: &str,
        provider_id: &str,
        grant_id: &str,
    ) -> Result<(), Error> {
        let id: IntegrationId = integration_id
            .parse()
            .map_err(|_| integration_not_found())?;
        let grant_id: GrantId = grant_id
            .parse()
            .map_err(|_| Refusal::bad_request("grant_id must be a lower-case UUID"))?;
        let fits = (1..=MAX_LENGTH).contains(&provider_id.len()) && !provider_id.contains('\0');
        if !fits {
            let specifics = format!("provider_id must be 1 to {MAX_LENGTH} bytes without NUL");
            return Err(Refusal::bad_request(specifics).into());
        }

        let mut transaction = self.begin().await?;
        let OwnedIntegration {
            integration,
            user_id,
            environment_guid,
        } = integrations::lock_with_owners(transaction.connection(), &id)
            .await?
            .ok_or_else(integration_not_found)?;
        let is_newest =
            integrations::set_provider_id(transaction.connection(), &id, provider_id, grant_id)
                .await?;
        if is_newest && integration.provider_id.as_deref() != Some(provider_id) {
            let event = events::integration_updated(&integration, &user_id, environment_guid);
            transaction.append(&event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
