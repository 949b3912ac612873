//! The one place that judges what the database said.

use std::sync::Arc;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgQueryResult;

/// A statement that failed. Clones share the driver's error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("a database statement failed")]
pub struct Error(#[source] Arc<sqlx::Error>);

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl Error {
    /// Returns whether the same request may succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        let code = self.0.as_database_error().and_then(DatabaseError::code);
        workapi_postgres::is_unavailable(&self.0)
            // Serialization failure, deadlock, lock timeout, statement timeout.
            || matches!(code.as_deref(), Some("40001" | "40P01" | "55P03" | "57014"))
    }

    /// Returns whether a row that the statement's row refers to does not exist.
    pub(crate) fn is_foreign_key_violation(&self) -> bool {
        self.0
            .as_database_error()
            .is_some_and(DatabaseError::is_foreign_key_violation)
    }
}

/// Checks that a statement changed the one row that it was about.
pub(super) fn one_row(result: &PgQueryResult) -> Result<(), Error> {
    if result.rows_affected() == 1 {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound.into())
    }
}
