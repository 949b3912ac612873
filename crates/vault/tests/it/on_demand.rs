//! Access tokens on demand, as the program that uses them sees the vault.

mod claim;
mod fresh;
mod refusal;
mod stale;
mod statements;
mod uses;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use workapi_bus::Bus;
use workapi_keyring::KeyRing;
use workapi_postgres::{Config, Database};
use workapi_testkit::{nats_url, unique_prefix};
use workapi_types::IntegrationId;
use workapi_vault::{AccessTokenGrant, AccessVault, CONNECTORS_ROLE, OnDemand, OnDemandError};

use crate::fixture::{Fixture, tokens};

/// Longer than anything that a test does not want to see run out.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

impl Fixture {
    /// Connects with the role of a program.
    pub(crate) async fn database_as(&self, role: &'static str) -> Database {
        connect(&self.url, role).await
    }

    /// Opens the vault as `connectors` does: with its role, and with the keys of access tokens
    /// alone.
    pub(crate) async fn access_vault(&self, bus: &Bus) -> AccessVault {
        let database = self.database_as(CONNECTORS_ROLE).await;
        let on_demand = OnDemand::new(database, bus.clone());
        AccessVault::open(on_demand, Arc::new(access_keys(&self.keys))).unwrap()
    }

    /// Lets an access token of an hour's life have `seconds` of it left.
    pub(crate) async fn age(&self, integration: &IntegrationId, seconds: f64) {
        let aged = sqlx::query(
            "UPDATE credential
             SET access_expires_at = now() + make_interval(secs => $2),
                 last_success_at = now() + make_interval(secs => $2) - interval '1 hour'
             WHERE integration_id = $1",
        )
        .bind(integration.as_str())
        .bind(seconds)
        .execute(&self.sql)
        .await
        .unwrap();
        assert_eq!(aged.rows_affected(), 1);
    }

    /// Rotates a credential as the job that is due does.
    pub(crate) async fn rotate(&self, integration: &IntegrationId, name: &str) {
        let lease = self.lease(integration).await;
        let answer = self.refresher.seal_answer(&lease, &tokens(name)).unwrap();
        let committing = self
            .refresher
            .commit_rotation(&lease, &answer, Some(PATIENCE));
        committing.await.unwrap();
    }
}

async fn connect(url: &SecretString, role: &'static str) -> Database {
    let config = Config {
        url: url.clone(),
        role: Some(role),
        application_name: "vault-test",
        max_connections: 8,
    };
    Database::connect(&config).await.unwrap()
}

/// Returns the ring without the keys of all other purposes.
fn access_keys(keys: &str) -> KeyRing {
    let (head, keys) = keys.split_once("[[keys]]").unwrap();
    let access = keys
        .split("[[keys]]")
        .find(|key| key.contains("purpose = \"access\""))
        .unwrap();
    KeyRing::parse(&format!("{head}[[keys]]{access}")).unwrap()
}

/// Connects to NATS with a prefix of its own.
pub(crate) async fn bus() -> Bus {
    bus_at(&nats_url()).await
}

pub(crate) async fn bus_at(url: &SecretString) -> Bus {
    let config = workapi_bus::Config {
        url: url.clone(),
        prefix: unique_prefix(),
        name: "vault-test",
    };
    Bus::connect(&config).await.unwrap()
}

/// Asks for a token without any wish.
async fn token(
    vault: &AccessVault,
    integration: &IntegrationId,
) -> Result<AccessTokenGrant, OnDemandError> {
    vault
        .access_token(integration, Duration::ZERO, PATIENCE)
        .await
}
