//! The outbox: events that are committed with the state change they tell of.
//!
//! A service that publishes events has this table in its database:
//!
//! ```sql
//! CREATE TABLE outbox (
//!     position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
//!     id          uuid NOT NULL,
//!     subject     text NOT NULL,
//!     subject_id  text NOT NULL,
//!     payload     bytea NOT NULL,
//!     traceparent text,
//!     created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
//! );
//! ```

use sqlx::PgConnection;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;
use workapi_telemetry::propagation::current_traceparent;

use crate::Event;

/// A row of the outbox.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Entry {
    pub(crate) id: Uuid,
    pub(crate) subject: String,
    pub(crate) subject_id: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) traceparent: Option<String>,
    pub(crate) created_at: OffsetDateTime,
}

/// Appends `event` in the caller's transaction. It is published after the commit, or never.
///
/// # Errors
/// Returns the driver's error; the transaction is then lost anyway.
pub async fn append(connection: &mut PgConnection, event: &impl Event) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO outbox (id, subject, subject_id, payload, traceparent)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(Uuid::now_v7())
    .bind(event.subject())
    .bind(event.subject_id())
    .bind(event.encode_to_vec())
    .bind(current_traceparent())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the oldest entries out of the outbox; they are back if the transaction is not
/// committed. Entries that another relay holds are passed over.
pub(crate) async fn take(
    connection: &mut PgConnection,
    limit: usize,
) -> Result<Vec<Entry>, sqlx::Error> {
    sqlx::query_as(
        "WITH taken AS (
             DELETE FROM outbox
             WHERE position = ANY (ARRAY(
                 SELECT position
                 FROM outbox
                 ORDER BY position
                 LIMIT $1
                 FOR UPDATE SKIP LOCKED
             ))
             RETURNING position, id, subject, subject_id, payload, traceparent, created_at
         )
         SELECT id, subject, subject_id, payload, traceparent, created_at
         FROM taken
         ORDER BY position",
    )
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await
}
