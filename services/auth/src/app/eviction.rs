//! Noticing that a provider will drop the oldest grants of an account without a word (failure mode
//! FM-15).

use workapi_providers::Manifest;
use workapi_telemetry::{Counter, KeyValue, Meter};
use workapi_types::IntegrationId;
use workapi_vault::Grant;

use crate::app::App;

/// Counts the authorizations after which an account has nearly all grants that its provider keeps.
#[derive(Debug)]
pub(crate) struct Evictions(Counter<u64>);

impl Evictions {
    pub(crate) fn new(meter: &Meter) -> Self {
        let nearly_full = meter
            .u64_counter("workapi.accounts_nearly_full")
            .with_description(
                "Authorizations after which an account holds at least 80 % of the grants that its \
                 provider keeps for one client, by provider.",
            )
            .build();
        Self(nearly_full)
    }
}

impl App {
    /// Warns when an account that was just connected holds at least 80 % of the grants that its
    /// provider keeps for the client. Grants that were replaced count there too, and not here.
    pub(super) async fn watch_grants(
        &self,
        manifest: &Manifest,
        grant: &Grant,
        integration_id: &IntegrationId,
    ) {
        let Some(most) = manifest.refresh.max_grants else {
            return;
        };
        match self.vault().grants_of_account(grant).await {
            Ok(grants) if grants * 5 >= i64::from(most.get()) * 4 => {
                let provider = KeyValue::new("provider", manifest.name.to_string());
                self.evictions.0.add(1, &[provider]);
                tracing::warn!(
                    integration.id = %integration_id,
                    provider = %manifest.name,
                    grants,
                    most,
                    "an account holds nearly all grants that its provider keeps for one client: with \
                     the next ones its oldest connections end without notice; connect fewer \
                     integrations to it, or spread them over several clients"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the grants of an account were not counted"),
        }
    }
}
