//! A database per test, copied from a template that is migrated once per schema.
//!
//! Each process keeps a connection to the databases of its tests, so that one without any
//! connection belongs to nobody any more: whoever makes the next one removes it.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

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

/// The connections that say that this process's databases are in use.
static IN_USE: Mutex<Vec<PgConnection>> = Mutex::new(Vec::new());

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
    let url = with_database(&server, &name);
    let hold = connect(&url).await;
    IN_USE
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(hold);
    let abandoned = abandoned(&mut connection).await;
    run(
        &mut connection,
        format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})"),
    )
    .await;
    remove(&mut connection, abandoned).await;
    url
}

/// Returns a database of a test that has ended. Under the lock no database is between being made
/// and being held.
async fn abandoned(connection: &mut PgConnection) -> Option<String> {
    sqlx::query_scalar(
        "SELECT datname
         FROM pg_database
         WHERE datname LIKE 'test\\_%'
             AND NOT EXISTS (
                 SELECT 1
                 FROM pg_stat_activity
                 WHERE pg_stat_activity.datname = pg_database.datname
             )
         LIMIT 1",
    )
    .fetch_optional(connection)
    .await
    .expect("pg_database is readable")
}

/// Removes a database, unless another test is just doing so.
async fn remove(connection: &mut PgConnection, database: Option<String>) {
    if let Some(name) = database {
        let statement = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"));
        let _ = sqlx::query(statement).execute(connection).await;
    }
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
