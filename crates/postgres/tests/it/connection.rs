//! Connecting: what every connection has, and who is refused.

use std::error::Error as _;

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use workapi_postgres::{Config, Database, Error, is_unavailable};
use workapi_testkit::postgres_url;

use crate::{ONE, TWO, config, database};

async fn show(database: &Database, setting: &'static str) -> String {
    sqlx::query_scalar("SELECT current_setting($1)")
        .bind(setting)
        .fetch_one(database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_connection_names_its_program_and_bounds_every_statement() {
    let database = database().await;

    assert_eq!(show(&database, "application_name").await, "postgres-test");
    assert_eq!(show(&database, "statement_timeout").await, "15s");
    assert_eq!(show(&database, "lock_timeout").await, "10s");
}

#[tokio::test]
async fn a_connection_takes_its_role_on() {
    let config = Config {
        role: Some("pg_monitor"),
        ..config(workapi_testkit::database(&ONE).await)
    };

    let database = Database::connect(&config).await.unwrap();

    let role: String = sqlx::query_scalar("SELECT current_user::text")
        .fetch_one(database.pool())
        .await
        .unwrap();
    assert_eq!(role, "pg_monitor");
}

#[tokio::test]
async fn a_role_that_does_not_exist_is_refused_at_once_with_the_reason() {
    let config = Config {
        role: Some("nobody_made_this_role"),
        ..config(postgres_url())
    };

    let refused = Database::connect(&config).await.unwrap_err();

    let reason = refused.source().unwrap().to_string();
    assert!(reason.contains("nobody_made_this_role"), "{reason}");
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_refused_at_once_without_the_password() {
    let mut url = Url::parse(postgres_url().expose_secret()).unwrap();
    url.set_path("nobody_made_this_database");
    // A server that asks for no password ignores one.
    let password = url.password().unwrap_or("hunter2").to_owned();
    url.set_password(Some(&password)).unwrap();
    let config = config(SecretString::from(String::from(url)));

    let refused = Database::connect(&config).await.unwrap_err();

    let reason = refused.source().unwrap().to_string();
    assert!(reason.contains("nobody_made_this_database"), "{reason}");
    assert!(!format!("{refused} {refused:?} {config:?}").contains(&password));
}

#[tokio::test]
async fn a_database_with_every_migration_is_connected() {
    let config = config(workapi_testkit::database(&ONE).await);

    let connected = Database::connect_migrated(&config, &ONE).await;

    assert!(connected.is_ok());
}

#[tokio::test]
async fn a_database_that_lacks_a_migration_is_refused_by_its_name() {
    let config = config(workapi_testkit::database(&ONE).await);

    let refused = Database::connect_migrated(&config, &TWO).await.unwrap_err();

    let lacks_the_second =
        matches!(&refused, Error::Unmigrated { missing, .. } if *missing == ["2 second"]);
    assert!(lacks_the_second, "{refused}");
}

#[tokio::test]
async fn what_is_not_committed_is_rolled_back() {
    let database = database().await;
    let mut transaction = database.begin().await.unwrap();
    sqlx::query("INSERT INTO first (id) VALUES (1)")
        .execute(&mut *transaction)
        .await
        .unwrap();

    drop(transaction);

    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM first")
        .fetch_one(database.pool())
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_closed_pool_serves_no_more() {
    let database = database().await;
    let before = database.ping().await;

    database.close().await;

    assert!(before.is_ok());
    let error = database.ping().await.unwrap_err();
    assert!(is_unavailable(&error));
    let check = database.check().await;
    assert_eq!(check, Err("PostgreSQL does not answer".to_owned()));
}
