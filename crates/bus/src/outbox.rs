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

/// A row that is ready to be inserted: an event, with the trace in which it happened. Who changes
/// many rows inserts it in the statement that does.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The event's id.
    pub id: Uuid,
    /// The subject, without its prefix.
    pub subject: String,
    /// What the event is about.
    pub subject_id: String,
    /// The encoded event.
    pub payload: Vec<u8>,
    /// The trace, where there is one.
    pub traceparent: Option<String>,
}

impl Prepared {
    /// Prepares `event` in the current span.
    pub fn new(event: &impl Event) -> Self {
        Self {
            id: Uuid::now_v7(),
            subject: event.subject(),
            subject_id: event.subject_id().to_owned(),
            payload: event.encode_to_vec(),
            traceparent: current_traceparent(),
        }
    }
}

/// Appends `event` in the caller's transaction. It is published after the commit, or never.
///
/// # Errors
/// Returns the driver's error; the transaction is then lost anyway.
pub async fn append(connection: &mut PgConnection, event: &impl Event) -> Result<(), sqlx::Error> {
    let event = Prepared::new(event);
    sqlx::query(
        "INSERT INTO outbox (id, subject, subject_id, payload, traceparent)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(event.id)
    .bind(event.subject)
    .bind(event.subject_id)
    .bind(event.payload)
    .bind(event.traceparent)
    .execute(connection)
    .await
    .map(drop)
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
