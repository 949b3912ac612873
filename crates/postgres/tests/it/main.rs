//! The pool and the migrations on a real PostgreSQL.
#![cfg(test)]

mod connection;
mod errors;
mod migrations;

use secrecy::SecretString;
use sqlx::migrate::Migrator;
use workapi_postgres::{Config, Database};

/// The schema of a first version.
static ONE: Migrator = sqlx::migrate!("tests/it/migrations/one");
/// The schema of the version after it.
static TWO: Migrator = sqlx::migrate!("tests/it/migrations/two");

fn config(url: SecretString) -> Config {
    Config {
        url,
        role: None,
        application_name: "postgres-test",
        max_connections: 4,
    }
}

/// Connects to a new database with the schema [`ONE`].
async fn database() -> Database {
    let url = workapi_testkit::database(&ONE).await;
    Database::connect(&config(url)).await.unwrap()
}
