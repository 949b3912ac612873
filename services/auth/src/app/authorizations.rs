//! Authorizations under way: what the browser must not carry, kept under the hash of the
//! state for ten minutes (architecture section 4).

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;
use workapi_keyring::{KeyRing, Purpose, Salt, Slot};
use workapi_redis::Redis;
use workapi_types::{
    AuthorizationState, EnvironmentGuid, IntegrationId, MediaType, ProviderConfigId, ProviderName,
    UserId,
};
use workapi_vault::StateHash;
use zeroize::Zeroizing;

use crate::app::Error;

/// How long a user may take at the provider.
const LIFE: Duration = Duration::from_mins(10);

/// An authorization that waits for its callback. The verifier makes it a secret, which is why
/// it is sealed and has no `Debug`.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingAuthorization {
    pub(crate) integration_id: IntegrationId,
    pub(crate) user_id: UserId,
    pub(crate) environment_guid: EnvironmentGuid,
    pub(crate) provider: ProviderName,
    pub(crate) media_type: MediaType,
    pub(crate) provider_config_id: ProviderConfigId,
    pub(crate) return_to: Option<Url>,
    pub(crate) code_verifier: String,
}

/// The store of authorizations under way.
#[derive(Debug)]
pub(crate) struct Authorizations {
    redis: Redis,
    keyring: Arc<KeyRing>,
}

impl Authorizations {
    pub(crate) fn new(redis: Redis, keyring: Arc<KeyRing>) -> Self {
        Self { redis, keyring }
    }

    /// Keeps an authorization until [`Authorizations::take`], or for ten minutes.
    pub(crate) async fn keep(
        &self,
        state: &AuthorizationState,
        pending: &PendingAuthorization,
    ) -> Result<(), Error> {
        let hash = StateHash::of(state.expose());
        let plain = Zeroizing::new(serde_json::to_vec(pending)?);
        let salt = Salt::random()?;
        let row = hex::encode(hash.as_bytes());
        let sealed = self
            .keyring
            .seal(Purpose::State, &salt, &slot(&row), &plain)?;
        let value = [salt.as_bytes().as_slice(), &sealed].concat();
        // 256 random bits do not meet twice, so a value that is there already is this one.
        self.redis.set_once(&key(&row), &value, LIFE).await?;
        Ok(())
    }

    /// Returns an authorization and forgets it, in one step.
    pub(crate) async fn take(
        &self,
        hash: StateHash,
    ) -> Result<Option<PendingAuthorization>, Error> {
        let row = hex::encode(hash.as_bytes());
        let Some(value) = self.redis.take(&key(&row)).await? else {
            return Ok(None);
        };
        let Some((salt, sealed)) = value.split_at_checked(Salt::LENGTH) else {
            return Ok(None);
        };
        let salt = Salt::from_slice(salt)?;
        let plain = self
            .keyring
            .open(Purpose::State, &salt, &slot(&row), sealed)?;
        Ok(Some(serde_json::from_slice(&plain)?))
    }
}

fn key(row: &str) -> String {
    format!("authorization:{row}")
}

fn slot(row: &str) -> Slot<'_> {
    Slot {
        table: "authorization",
        row,
        column: "pending",
        grant: None,
        generation: 0,
    }
}
