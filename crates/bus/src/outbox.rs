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

/// An event that is ready to be appended, with the trace in which it happened.
#[derive(Clone, Debug)]
pub struct Prepared {
    id: Uuid,
    subject: String,
    subject_id: String,
    payload: Vec<u8>,
    traceparent: Option<String>,
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
    append_all(connection, &[&Prepared::new(event)]).await
}

/// Appends events in the caller's transaction. They are published after the commit, or never.
///
/// # Errors
/// Returns the driver's error; the transaction is then lost anyway.
pub async fn append_all(
    connection: &mut PgConnection,
    events: &[&Prepared],
) -> Result<(), sqlx::Error> {
    let column = |of: fn(&Prepared) -> &str| events.iter().map(|one| of(one)).collect::<Vec<_>>();
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let payloads: Vec<&[u8]> = events
        .iter()
        .map(|event| event.payload.as_slice())
        .collect();
    let traces: Vec<Option<&str>> = events
        .iter()
        .map(|event| event.traceparent.as_deref())
        .collect();
    sqlx::query(
        "INSERT INTO outbox (id, subject, subject_id, payload, traceparent)
         SELECT id, subject, subject_id, payload, traceparent
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[])
             AS event (id, subject, subject_id, payload, traceparent)",
    )
    .bind(ids)
    .bind(column(|event| &event.subject))
    .bind(column(|event| &event.subject_id))
    .bind(payloads)
    .bind(traces)
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
