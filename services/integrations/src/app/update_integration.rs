//! Changes what an integration connects to (contract section 2.2, interfaces section 6).

use workapi_errors::Error as Refusal;
use workapi_types::IntegrationId;

use super::{App, Caller, Error, events, integration_not_found};
use crate::model::Integration;
use crate::store::integrations;

impl App {
    /// Changes provider and media type of a caller's integration; an empty one is unchanged.
    pub(crate) async fn update_integration(
        &self,
        caller: &Caller,
        id: &str,
        provider: &str,
        media_type: &str,
    ) -> Result<Integration, Error> {
        let id: IntegrationId = id.parse().map_err(|_| integration_not_found())?;

        let mut transaction = self.begin().await?;
        let mut integration = integrations::lock(transaction.connection(), &id, &caller.user_id)
            .await?
            .ok_or_else(integration_not_found)?;
        let kind = self.kind(
            or_unchanged(provider, integration.kind.provider.as_str()),
            or_unchanged(media_type, integration.kind.media_type.as_str()),
        )?;
        if kind == integration.kind {
            return Ok(integration);
        }
        if integration.provider_id.is_some() {
            return Err(Refusal::conflict(
                "the integration is connected: delete it and create another",
            )
            .into());
        }
        integrations::set_kind(transaction.connection(), &id, &kind).await?;
        integration.kind = kind;
        let event =
            events::integration_updated(&integration, &caller.user_id, caller.environment_guid);
        transaction.append(&event).await?;
        transaction.commit().await?;
        Ok(integration)
    }
}

/// The Ruby SDK sends an empty string for what it does not want to change.
fn or_unchanged<'a>(requested: &'a str, current: &'a str) -> &'a str {
    if requested.is_empty() {
        current
    } else {
        requested
    }
}
