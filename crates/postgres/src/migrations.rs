//! Databases and their schemas. Only `migrate` and `dev` come here; a running service
//! never changes a schema.

use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::error::DatabaseError;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};

use crate::{Error, connection};

/// Creates the database `name` on the server of `server_url` when it does not exist, and
/// returns its URL.
///
/// # Errors
/// Fails when the server can't be reached or the user may not create databases.
pub async fn create_database(server_url: &SecretString, name: &str) -> Result<SecretString, Error> {
    let create = |source| Error::Create {
        name: name.to_owned(),
        source,
    };
    let mut connection = connect(server_url).await?;
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await
            .map_err(create)?;
    if !exists {
        let statement = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
        let created = sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await;
        created
            .map(drop)
            .or_else(tolerate_duplicate)
            .map_err(create)?;
    }
    let mut url = url::Url::parse(server_url.expose_secret()).map_err(|_| Error::InvalidUrl)?;
    url.set_path(name);
    Ok(SecretString::from(String::from(url)))
}

/// Two programs may create the same database at once; the second finds it done.
fn tolerate_duplicate(error: sqlx::Error) -> Result<(), sqlx::Error> {
    let code = error.as_database_error().and_then(DatabaseError::code);
    match code.as_deref() {
        Some("42P04" | "23505") => Ok(()),
        _ => Err(error),
    }
}

/// Brings the database of `url` to the newest schema, one program at a time.
///
/// # Errors
/// Fails when the database can't be reached, a migration fails, or the database was
/// migrated by a newer program.
pub async fn migrate(url: &SecretString, migrator: &Migrator) -> Result<(), Error> {
    let mut connection = connect(url).await?;
    migrator
        .run_direct(None, &mut connection, false)
        .await
        .map_err(|source| Error::Migrate {
            name: database_name(url),
            source,
        })
}

/// Returns the descriptions of the migrations that the database of `url` still lacks.
///
/// # Errors
/// Fails when the database can't be reached or its migrations can't be read.
pub async fn pending_migrations(
    url: &SecretString,
    migrator: &Migrator,
) -> Result<Vec<String>, Error> {
    let mut connection = connect(url).await?;
    let applied = applied_versions(&mut connection, migrator)
        .await
        .map_err(|source| Error::Migrate {
            name: database_name(url),
            source,
        })?;
    Ok(migrator
        .iter()
        .filter(|migration| !applied.contains(&migration.version))
        .map(|migration| format!("{} {}", migration.version, migration.description))
        .collect())
}

async fn applied_versions(
    connection: &mut PgConnection,
    migrator: &Migrator,
) -> Result<Vec<i64>, MigrateError> {
    let table = &migrator.table_name;
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(table.as_ref())
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(Vec::new());
    }
    let applied = connection.list_applied_migrations(table).await?;
    Ok(applied
        .into_iter()
        .map(|migration| migration.version)
        .collect())
}

async fn connect(url: &SecretString) -> Result<PgConnection, Error> {
    let options = PgConnectOptions::from_str(url.expose_secret())
        .map_err(|_| Error::InvalidUrl)?
        .disable_statement_logging();
    connection::open(&options).await
}

pub(crate) fn database_name(url: &SecretString) -> String {
    PgConnectOptions::from_str(url.expose_secret())
        .ok()
        .and_then(|options| options.get_database().map(str::to_owned))
        .unwrap_or_default()
}
