//! What somebody who reads or rewrites the database gets: nothing.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use workapi_providers::{Action, Cause};
use workapi_types::{AccessToken, ClientSecret, RefreshToken};
use workapi_vault::{Error, Failure, Settled};

use crate::fixture::{DEADLINE, Fixture, new_integration, provider, store, tokens};

const CANARY: &str = "canary-5f2c9a";

/// Returns every row of every table as text, with bytes in hexadecimal digits.
async fn dump(vault: &Fixture) -> String {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&vault.sql)
            .await
            .unwrap();
    let mut dump = String::new();
    for table in tables {
        let rows = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} AS t")));
        let rows: Vec<String> = rows.fetch_all(&vault.sql).await.unwrap();
        assert!(!rows.is_empty(), "the test leaves {table} empty");
        dump.push_str(&rows.concat());
    }
    dump
}

fn hexadecimal(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

#[tokio::test]
async fn no_secret_stands_in_the_database_in_any_table() {
    let vault = Fixture::new().await;
    let secret = ClientSecret::new(format!("{CANARY}-secret"));
    vault
        .auth
        .set_provider_config(vault.environment, &provider(), "1234-web", &secret)
        .await
        .unwrap();
    let integration = new_integration();
    let mut grant = vault.grant(&integration).await;
    grant.tokens.access_token = AccessToken::new(CANARY);
    grant.tokens.refresh_token = Some(RefreshToken::new(CANARY));
    store(&vault.auth, &grant).await.unwrap();
    let slow = vault.lease(&integration).await;
    vault.end_lease(&integration).await;
    let fast = vault.lease(&integration).await;
    for (lease, end) in [(&fast, Settled::Committed), (&slow, Settled::Quarantined)] {
        let answer = vault.refresher.seal_answer(lease, &tokens(CANARY)).unwrap();
        let keep = Duration::from_mins(1);
        let settled = vault
            .refresher
            .commit_rotation(lease, &answer, Some(keep))
            .await;
        assert_eq!(settled.unwrap(), end);
    }
    let refused = vault.lease(&integration).await;
    let wrong_secret = Failure {
        cause: Cause::OperatorConfig,
        action: Action::Operator,
        retry_after: None,
        rejected: true,
        keeps_lease: false,
    };
    let recorded = vault.refresher.record_failure(&refused, &wrong_secret);
    recorded.await.unwrap();
    vault.auth.delete(&new_integration()).await.unwrap();
    vault.set_breaker(true).await;
    sqlx::query("INSERT INTO restore_quarantine (commits) VALUES (1)")
        .execute(&vault.sql)
        .await
        .unwrap();

    let dump = dump(&vault).await;

    assert!(
        dump.contains("ann@example.test"),
        "the dump shows plain text"
    );
    assert!(!dump.contains(CANARY));
    assert!(!dump.contains(&hexadecimal(CANARY)));
    assert!(
        dump.contains(&hexadecimal(integration.as_str())),
        "and plain bytes"
    );
}

#[tokio::test]
async fn a_token_that_was_moved_to_another_integration_does_not_open() {
    let vault = Fixture::new().await;
    let mine = vault.connected().await;
    let theirs = vault.connected().await;
    sqlx::query(
        "UPDATE credential AS mine
         SET sealed_refresh = theirs.sealed_refresh, salt = theirs.salt
         FROM credential AS theirs
         WHERE mine.integration_id = $1 AND theirs.integration_id = $2",
    )
    .bind(mine.as_str())
    .bind(theirs.as_str())
    .execute(&vault.sql)
    .await
    .unwrap();
    let job = vault.job(&mine).await;

    let start = vault.refresher.start_rotation(&job, DEADLINE).await;

    assert!(matches!(start, Err(Error::KeyRing(_))));
}

#[tokio::test]
async fn a_token_that_was_put_back_after_a_rotation_does_not_open() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET generation = generation + 1 WHERE integration_id = $1",
            &integration,
        )
        .await;
    let job = vault.job(&integration).await;

    let start = vault.refresher.start_rotation(&job, DEADLINE).await;

    assert!(matches!(start, Err(Error::KeyRing(_))));
}

#[tokio::test]
async fn debug_output_does_not_tell_a_token() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let rotation = vault.lease(&integration).await;
    let answer = vault
        .refresher
        .seal_answer(&rotation, &tokens(CANARY))
        .unwrap();
    let grant = vault.grant(&integration).await;
    vault.auth.delete(&integration).await.unwrap();
    vault.end_lease(&integration).await;
    let revocation = vault.revocation(&integration).await;

    let debug = format!("{grant:?} {rotation:?} {answer:?} {revocation:?}");

    for token in ["access-1", "refresh-1", CANARY] {
        assert!(!debug.contains(token), "{token}");
    }
}
