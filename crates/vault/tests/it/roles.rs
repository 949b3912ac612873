//! What the role of each program may not do, and what both must be able to.

use std::borrow::Cow;

use sqlx::AssertSqlSafe;
use tokio_util::sync::CancellationToken;
use workapi_bus::{Bus, Relay};
use workapi_testkit::{nats_url, unique_prefix};
use workapi_vault::Vault;

use crate::fixture::Fixture;

/// Runs statements one by one and returns those that the role was allowed.
async fn allowed(vault: &Vault, statements: &[&'static str]) -> Vec<&'static str> {
    let mut allowed = Vec::new();
    for statement in statements {
        let done = sqlx::query(AssertSqlSafe(*statement))
            .execute(vault.database().pool())
            .await;
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
            "INSERT INTO quarantine (attempt_id) VALUES (gen_random_uuid())",
            "UPDATE restore_quarantine SET rotations_folded = 1",
            "DELETE FROM restore_quarantine",
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
