//! The vault as a program that uses access tokens opens it.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::Value;
use workapi_keyring::KeyRing;
use workapi_postgres::Database;
use workapi_vault::{AccessVault, CONNECTORS_ROLE, OnDemand};

use crate::Stack;
use crate::parts::Parts;

/// Where a program that uses access tokens finds what it needs.
#[derive(Debug)]
pub(crate) struct Connectors {
    key_ring: String,
    vault: SecretString,
    nats: SecretString,
    prefix: String,
}

impl Connectors {
    pub(crate) fn of(parts: &Parts) -> Self {
        Self {
            key_ring: parts.key_ring.clone(),
            vault: parts.vault_way.clone(),
            nats: parts.nats_url.clone(),
            prefix: parts.prefix.clone(),
        }
    }
}

impl Stack {
    /// Opens the vault as one more program, which uses access tokens, does when it starts.
    ///
    /// # Panics
    /// When PostgreSQL or NATS does not answer.
    pub async fn access_vault(&self) -> AccessVault {
        let connectors = &self.connectors;
        let database = Database::connect(&workapi_postgres::Config {
            url: connectors.vault.clone(),
            role: Some(CONNECTORS_ROLE),
            application_name: "connectors",
            max_connections: 8,
        })
        .await
        .expect("the vault's database answers");
        let bus = workapi_bus::Bus::connect(&workapi_bus::Config {
            url: connectors.nats.clone(),
            prefix: connectors.prefix.clone(),
            name: "connectors",
        })
        .await
        .expect("NATS answers");
        let key_ring = KeyRing::parse(&connectors.key_ring).expect("a generated ring parses");
        AccessVault::open(OnDemand::new(database, bus), Arc::new(key_ring))
            .expect("the ring has a key for access tokens")
    }

    /// Lets the access token of a credential, of an hour's life, have `seconds` of it left.
    ///
    /// # Panics
    /// When there is no such credential.
    pub async fn age(&self, integration_id: &str, seconds: f64) {
        let query = "UPDATE credential
                     SET access_expires_at = now() + make_interval(secs => $2),
                         last_success_at = now() + make_interval(secs => $2) - interval '1 hour'
                     WHERE integration_id = $1";
        let aged = sqlx::query(query)
            .bind(integration_id)
            .bind(seconds)
            .execute(self.vault_database())
            .await
            .expect("the vault can be written");
        assert_eq!(aged.rows_affected(), 1, "there is such a credential");
    }

    /// Uses an access token at the sandbox, and returns whether that accepts it.
    ///
    /// # Panics
    /// When the sandbox does not answer.
    pub async fn sandbox_accepts(&self, access_token: &str) -> bool {
        let url = self.sandbox_url.join("userinfo").expect("a valid URL");
        let request = self.sandbox_http.get(url).bearer_auth(access_token);
        let answer = request.send().await.expect("the sandbox answers");
        let accepted = answer.status().is_success();
        let body: Value = answer.json().await.unwrap_or_default();
        accepted && body["sub"].is_string()
    }
}
