//! A database per test, copied from a template that is migrated once per schema.

use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};
use url::Url;
use uuid::Uuid;

/// Serialises the making of templates and, since a template may have no other
/// connection while it is copied, the copying too.
const TEMPLATE_LOCK: i64 = 0x574f_524b_4150_4931;

/// Creates a database with the schema of `migrator` and returns its URL.
///
/// # Panics
/// When the server can't be reached or a migration fails.
pub async fn database(migrator: &Migrator) -> SecretString {
    let server = crate::postgres_url();
    let template = template_name(migrator);
    let name = format!("test_{}", Uuid::new_v4().simple());
    let mut connection = connect(&server).await;

    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut connection)
        .await
        .expect("the advisory lock is granted");
    ensure_template(&mut connection, &server, &template, migrator).await;
    run(
        &mut connection,
        format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"),
    )
    .await;
    connection
        .close()
        .await
        .expect("the connection closes, which ends the lock");

    with_database(&server, &name)
}

async fn ensure_template(
    connection: &mut PgConnection,
    server: &SecretString,
    template: &str,
    migrator: &Migrator,
) {
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(template)
            .fetch_one(&mut *connection)
            .await
            .expect("pg_database is readable");
    if exists {
        return;
    }
    // Made under another name, so that a run that is killed here leaves no half template.
    let draft = format!("{template}_{}", Uuid::new_v4().simple());
    run(connection, format!("CREATE DATABASE {draft}")).await;
    workapi_postgres::migrate(&with_database(server, &draft), migrator)
        .await
        .expect("the migrations apply to an empty database");
    run(
        connection,
        format!("ALTER DATABASE {draft} RENAME TO {template}"),
    )
    .await;
}

fn template_name(migrator: &Migrator) -> String {
    let mut hash = Sha256::new();
    for migration in migrator.iter() {
        hash.update(&migration.checksum);
    }
    format!("template_{}", hex::encode(&hash.finalize()[..8]))
}

async fn connect(url: &SecretString) -> PgConnection {
    let options = PgConnectOptions::from_str(url.expose_secret()).expect("the test URL is valid");
    PgConnection::connect_with(&options)
        .await
        .expect("the test run's PostgreSQL answers")
}

async fn run(connection: &mut PgConnection, statement: String) {
    sqlx::query(AssertSqlSafe(statement))
        .execute(connection)
        .await
        .expect("the statement succeeds");
}

fn with_database(server: &SecretString, name: &str) -> SecretString {
    let mut url = Url::parse(server.expose_secret()).expect("the test URL is valid");
    url.set_path(name);
    SecretString::from(String::from(url))
}
