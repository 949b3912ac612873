//! Creates an integration (contract section 2.2, interfaces section 6).

use workapi_errors::Error as Refusal;
use workapi_types::IntegrationId;

use super::{App, Caller, Error, events};
use crate::model::{Integration, Kind};
use crate::store::{self, integrations};
use crate::tokens::invalid_token;

impl App {
    /// Creates an integration of the caller that is not connected yet.
    pub(crate) async fn create_integration(
        &self,
        caller: &Caller,
        provider: &str,
        media_type: &str,
    ) -> Result<Integration, Error> {
        let integration = Integration {
            id: IntegrationId::new(self.clock.now()),
            kind: self.kind(provider, media_type)?,
            provider_id: None,
        };
        let event =
            events::integration_created(&integration, &caller.user_id, caller.environment_guid);

        let mut transaction = self.begin().await?;
        integrations::insert(transaction.connection(), &caller.user_id, &integration)
            .await
            .map_err(user_must_exist)?;
        transaction.append(&event).await?;
        transaction.commit().await?;
        Ok(integration)
    }

    /// Returns what a request names, if the catalogue has it. An empty media type means the
    /// provider's only one.
    pub(super) fn kind(&self, provider: &str, media_type: &str) -> Result<Kind, Refusal> {
        let manifest = self
            .catalogue
            .find(provider)
            .map_err(|refused| Refusal::bad_request(refused.to_string()))?;
        let media_type = manifest
            .media_type(Some(media_type))
            .map_err(|refused| Refusal::bad_request(refused.to_string()))?;
        Ok(Kind {
            provider: manifest.name.clone(),
            media_type,
        })
    }
}

/// The caller may have been deleted since its token was checked.
fn user_must_exist(error: store::Error) -> Error {
    if error.is_foreign_key_violation() {
        invalid_token().into()
    } else {
        error.into()
    }
}
