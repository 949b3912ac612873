//! All SQL of this service. Functions take the connection, so that a use case decides what is
//! one transaction.

pub(crate) mod environments;
mod error;
pub(crate) mod integrations;
pub(crate) mod return_origins;
pub(crate) mod signing_keys;
pub(crate) mod users;

pub(crate) use error::Error;

use workapi_bus::{Event, outbox};
use workapi_postgres::Database;

/// A transaction; dropping it rolls back.
pub(crate) struct Transaction(sqlx::Transaction<'static, sqlx::Postgres>);

impl Transaction {
    /// Begins a transaction.
    pub(crate) async fn begin(database: &Database) -> Result<Self, Error> {
        Ok(Self(database.begin().await?))
    }

    /// Returns the connection, for the statements of the transaction.
    pub(crate) fn connection(&mut self) -> &mut sqlx::PgConnection {
        &mut self.0
    }

    /// Adds an event that is published if, and after, the transaction commits.
    pub(crate) async fn append(&mut self, event: &impl Event) -> Result<(), Error> {
        Ok(outbox::append(&mut self.0, event).await?)
    }

    /// Commits.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        Ok(self.0.commit().await?)
    }
}
