//! What the role of each program may not do, and what both must be able to.

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, PgPool};
use tokio_util::sync::CancellationToken;
use workapi_bus::{Bus, Relay};
use workapi_testkit::{nats_url, unique_prefix};
use workapi_vault::{CONNECTORS_ROLE, Vault};

use crate::fixture::Fixture;

/// Runs statements one by one and returns those that the role was allowed.
async fn allowed(vault: &Vault, statements: &[&'static str]) -> Vec<&'static str> {
    allowed_to(vault.database().pool(), statements).await
}

async fn allowed_to(pool: &PgPool, statements: &[&'static str]) -> Vec<&'static str> {
    let mut allowed = Vec::new();
    for statement in statements {
        let done = sqlx::query(AssertSqlSafe(*statement)).execute(pool).await;
        let code = done.as_ref().err().and_then(|error| {
            let error = error.as_database_error()?;
            error.code().map(Cow::into_owned)
        });
        if code.as_deref() != Some("42501") {
            allowed.push(*statement);
        }
    }
    allowed
}

#[tokio::test]
async fn the_token_refresher_can_neither_connect_nor_delete_nor_change_a_client() {
    let vault = Fixture::new().await;

    let allowed = allowed(
        &vault.refresher,
        &[
            "INSERT INTO credential (integration_id) VALUES ('')",
            "DELETE FROM credential",
            "INSERT INTO tombstone (integration_id) VALUES ('')",
            "DELETE FROM tombstone",
            "UPDATE provider_config SET current = false",
            "INSERT INTO provider_config (id) VALUES (gen_random_uuid())",
            "UPDATE provider_breaker SET opened_at = now()",
            "UPDATE client_secret SET position = 1",
            "DELETE FROM client_secret",
            "UPDATE used_state SET outcome = ''",
            "DELETE FROM used_state",
            "SELECT 1 FROM account_projection",
            "UPDATE restore_quarantine SET grants_folded = 1",
            "DELETE FROM restore_quarantine",
            "CREATE TABLE mine ()",
        ],
    )
    .await;

    assert!(allowed.is_empty(), "{allowed:?}");
}

#[tokio::test]
async fn auth_can_neither_invent_nor_change_an_attempt() {
    let vault = Fixture::new().await;

    let allowed = allowed(
        &vault.auth,
        &[
            "INSERT INTO rotation_attempt (attempt_id) VALUES (gen_random_uuid())",
            "UPDATE rotation_attempt SET state = 'committed'",
            "SELECT sealed_refresh FROM quarantine",
            "UPDATE provider_breaker SET opened_at = NULL",
            "UPDATE restore_quarantine SET rotations_folded = 1",
            "DELETE FROM restore_quarantine",
            "INSERT INTO quarantine (attempt_id) VALUES (gen_random_uuid())",
            "INSERT INTO provider_breaker (provider_config_id) VALUES (gen_random_uuid())",
            "UPDATE provider_breaker SET probes = 0",
            "DELETE FROM provider_breaker",
            "UPDATE rejection SET times = 1",
            "CREATE TABLE mine ()",
        ],
    )
    .await;

    assert!(allowed.is_empty(), "{allowed:?}");
}

#[tokio::test]
async fn who_uses_access_tokens_can_neither_see_nor_change_anything_else() {
    let vault = Fixture::new().await;
    let connectors = vault.database_as(CONNECTORS_ROLE).await;

    let allowed = allowed_to(
        connectors.pool(),
        &[
            "SELECT sealed_refresh FROM credential",
            "SELECT key_id FROM credential",
            "SELECT provider_subject FROM credential",
            "UPDATE credential SET sealed_access = NULL",
            "UPDATE credential SET access_expires_at = now()",
            "UPDATE credential SET state = 'active'",
            "UPDATE credential SET lease_token = NULL",
            "INSERT INTO credential (integration_id) VALUES ('')",
            "DELETE FROM credential",
            "SELECT 1 FROM client_secret",
            "SELECT 1 FROM provider_config",
            "SELECT 1 FROM quarantine",
            "SELECT 1 FROM rotation_attempt",
            "SELECT 1 FROM outbox",
            "CREATE TABLE mine ()",
        ],
    )
    .await;

    assert!(allowed.is_empty(), "{allowed:?}");
}

#[tokio::test]
async fn both_programs_can_relay_the_outbox() {
    let vault = Fixture::new().await;
    let bus = Bus::connect(&workapi_bus::Config {
        url: nats_url(),
        prefix: unique_prefix(),
        name: "vault-test",
    })
    .await
    .unwrap();

    for program in [&vault.auth, &vault.refresher] {
        vault.connected().await;
        let shutdown = CancellationToken::new();
        shutdown.cancel();

        Relay::new(program.database().clone(), bus.clone())
            .run(shutdown)
            .await;

        assert!(vault.events().await.is_empty());
    }
}
