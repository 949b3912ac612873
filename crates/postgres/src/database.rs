//! The pool of one database, and transactions on it.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, Postgres};
use sqlx::{ConnectOptions, Transaction};

use crate::migrations::{database_name, pending_migrations};
use crate::{Error, connection};

/// How long a request waits for a connection before it is told that the database is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// How to reach one database.
#[derive(Clone, Debug)]
pub struct Config {
    /// `postgres://user:password@host:port/database`.
    pub url: SecretString,
    /// The role that every connection takes on, whose privileges are the program's.
    pub role: Option<&'static str>,
    /// What the server's own views call this program.
    pub application_name: &'static str,
    /// The most connections that the pool opens.
    pub max_connections: u32,
}

/// A pool of connections to one database. Clones share it.
#[derive(Clone, Debug)]
pub struct Database {
    pool: PgPool,
}

impl Database {
    /// Connects, waiting for a server that is still starting.
    ///
    /// # Errors
    /// Fails when the URL is malformed, the server does not answer within 20 seconds, or
    /// it refuses the user, the role or the database.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let options = connect_options(config)?;
        // Past the pool, which would hide the reason of a failure behind a time-out of its own.
        drop(connection::open(&options).await?);
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// Connects like [`Database::connect`] to a database that has every migration of `migrator`.
    ///
    /// # Errors
    /// Fails in addition when a migration is missing: a running service never changes a schema.
    pub async fn connect_migrated(config: &Config, migrator: &Migrator) -> Result<Self, Error> {
        // Asked first, and without the role: it is a migration that makes the role.
        let missing = pending_migrations(&config.url, migrator).await?;
        if missing.is_empty() {
            Self::connect(config).await
        } else {
            Err(Error::Unmigrated {
                database: database_name(&config.url),
                missing,
            })
        }
    }

    /// Returns the pool, to run single statements on.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Begins a transaction; dropping it rolls back.
    ///
    /// # Errors
    /// Returns the driver's error when no connection is to be had.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin().await
    }

    /// Asks the server whether it serves.
    ///
    /// # Errors
    /// Returns the driver's error when it does not.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map(drop)
    }

    /// Tells whether the server answers, as a readiness check.
    ///
    /// # Errors
    /// Says what an operator should know.
    pub async fn check(self) -> Result<(), String> {
        self.ping()
            .await
            .map_err(|_| "PostgreSQL does not answer".to_owned())
    }

    /// Closes every connection; later statements fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn connect_options(config: &Config) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(config.url.expose_secret())
        .map_err(|_| Error::InvalidUrl)?
        .application_name(config.application_name)
        .options([("statement_timeout", "15s"), ("lock_timeout", "10s")])
        .disable_statement_logging();
    Ok(match config.role {
        Some(role) => options.options([("role", role)]),
        None => options,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_malformed_url_is_named_without_being_shown() {
        let config = Config {
            url: SecretString::from("not a url with hunter2"),
            role: None,
            application_name: "test",
            max_connections: 1,
        };

        let error = Database::connect(&config).await.unwrap_err();

        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
