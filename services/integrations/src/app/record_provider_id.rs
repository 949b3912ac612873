//! Records what an integration was connected to (refresh protocol sections 1 and 2).

use workapi_errors::Error as Refusal;
use workapi_proto::integrations::v1::RecordProviderIdRequest;
use workapi_types::GrantId;

use super::{App, Error, events, integration_not_found};
use crate::model::{Integration, Kind};
use crate::store::integrations::{self, OwnedIntegration};

/// The longest display name of an account, in bytes.
const MAX_LENGTH: usize = 1024;

impl App {
    /// Writes the account with its provider and media type, unless a newer grant has written one.
    ///
    /// Provider and media type are those of the authorization: the user may have changed the
    /// integration's while the consent was under way, and what is shown must be what is connected.
    ///
    /// # Errors
    /// `not_found` when the integration is gone, which is final.
    pub(crate) async fn record_provider_id(
        &self,
        request: &RecordProviderIdRequest,
    ) -> Result<(), Error> {
        let connected = connected(request)?;
        let grant_id: GrantId = request
            .grant_id
            .parse()
            .map_err(|_| Refusal::bad_request("grant_id must be a lower-case UUID"))?;

        let mut transaction = self.begin().await?;
        let OwnedIntegration {
            integration,
            user_id,
            environment_guid,
        } = integrations::lock_with_owners(transaction.connection(), &connected.id)
            .await?
            .ok_or_else(integration_not_found)?;
        let is_newest =
            integrations::set_connected(transaction.connection(), &connected, grant_id).await?;
        if is_newest && connected != integration {
            let event = events::integration_updated(&connected, &user_id, environment_guid);
            transaction.append(&event).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn connected(request: &RecordProviderIdRequest) -> Result<Integration, Refusal> {
    let provider_id = request.provider_id.clone();
    let fits = (1..=MAX_LENGTH).contains(&provider_id.len()) && !provider_id.contains('\0');
    if !fits {
        let specifics = format!("provider_id must be 1 to {MAX_LENGTH} bytes without NUL");
        return Err(Refusal::bad_request(specifics));
    }
    let id = request.integration_id.parse();
    let provider = request.provider.parse();
    let media_type = request.media_type.parse();
    Ok(Integration {
        id: id.map_err(|_| integration_not_found())?,
        kind: Kind {
            provider: provider.map_err(|_| Refusal::bad_request("no such provider"))?,
            media_type: media_type.map_err(|_| Refusal::bad_request("no such media type"))?,
        },
        provider_id: Some(provider_id),
    })
}
