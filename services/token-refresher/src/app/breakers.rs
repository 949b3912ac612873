//! What this process knows about the breakers of provider configs, so that a rotation needs to
//! ask the vault about them only when there is something to know.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use workapi_telemetry::{KeyValue, UpDownCounter};
use workapi_types::ProviderConfigId;
use workapi_vault::{RotationLease, SuspectClient, Vault};

/// How old what is known may be.
const INTERVAL: Duration = Duration::from_secs(1);

/// The clients that were refused lately.
#[derive(Debug)]
pub(crate) struct Breakers {
    vault: Vault,
    suspects: RwLock<HashMap<ProviderConfigId, SuspectClient>>,
    open: UpDownCounter<i64>,
}

impl Breakers {
    pub(crate) fn new(vault: Vault, open: UpDownCounter<i64>) -> Self {
        Self {
            vault,
            suspects: RwLock::default(),
            open,
        }
    }

    /// Looks every second, for ever.
    pub(crate) async fn watch(&self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look().await;
        }
    }

    /// Returns whether nothing but probes may be sent with a config.
    pub(crate) fn is_open(&self, config: ProviderConfigId) -> bool {
        let suspects = self.suspects.read().unwrap_or_else(PoisonError::into_inner);
        suspects.get(&config).is_some_and(|suspect| suspect.open)
    }

    /// Takes in that the provider accepted the client of a lease.
    pub(crate) async fn accepted(&self, lease: &RotationLease) {
        let config = lease.grant.provider_config_id;
        let is_suspect = self
            .suspects
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&config);
        if !is_suspect {
            return;
        }
        match self.vault.client_accepted(lease).await {
            Ok(()) => self.look().await,
            Err(error) => {
                tracing::warn!(%error, "a client's success was not noted; the next one will be");
            }
        }
    }

    /// Looks which clients are suspect, and has those tried that an operator has changed.
    pub(crate) async fn look(&self) {
        let looked = async {
            if self.any_open() {
                self.vault.try_changed_clients().await?;
            }
            self.vault.suspect_clients().await
        };
        match looked.await {
            Ok(suspects) => self.replace(suspects),
            Err(error) => tracing::debug!(%error, "the breakers could not be looked at"),
        }
    }

    fn any_open(&self) -> bool {
        let suspects = self.suspects.read().unwrap_or_else(PoisonError::into_inner);
        suspects.values().any(|suspect| suspect.open)
    }

    fn replace(&self, suspects: Vec<SuspectClient>) {
        let suspects = suspects
            .into_iter()
            .map(|one| (one.config_id, one))
            .collect();
        let mut known = self
            .suspects
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *known, suspects);
        for suspect in opened(&before, &known) {
            tracing::error!(
                provider = %suspect.provider,
                environment.guid = %suspect.environment_guid,
                client_id = suspect.client_id,
                provider_config.id = %suspect.config_id,
                "the provider refuses the client: check its id and its secrets"
            );
            self.open.add(1, &[provider(suspect)]);
        }
        for suspect in opened(&known, &before) {
            tracing::info!(
                provider = %suspect.provider,
                environment.guid = %suspect.environment_guid,
                client_id = suspect.client_id,
                provider_config.id = %suspect.config_id,
                "the provider accepts the client again"
            );
            self.open.add(-1, &[provider(suspect)]);
        }
    }
}

/// Returns those that are open in `now` and were not `before`.
fn opened<'a>(
    before: &'a HashMap<ProviderConfigId, SuspectClient>,
    now: &'a HashMap<ProviderConfigId, SuspectClient>,
) -> impl Iterator<Item = &'a SuspectClient> {
    let was_open = |id| before.get(id).is_some_and(|suspect| suspect.open);
    now.values()
        .filter(move |suspect| suspect.open && !was_open(&suspect.config_id))
}

fn provider(suspect: &SuspectClient) -> KeyValue {
    KeyValue::new("provider", suspect.provider.to_string())
}
