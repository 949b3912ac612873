//! Table `rotation_attempt`.

use sqlx::types::time::OffsetDateTime;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use workapi_types::{AttemptId, GrantId, IntegrationId};

/// An attempt that is about to be made.
#[derive(Debug)]
pub(crate) struct AttemptRow<'a> {
    pub(crate) attempt_id: AttemptId,
    pub(crate) integration_id: &'a IntegrationId,
    pub(crate) grant_id: GrantId,
    pub(crate) generation: i64,
}

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct RecordedAttempt {
    pub(crate) attempt_id: Uuid,
    pub(crate) generation: i64,
    pub(crate) state: String,
    pub(crate) sent_at: OffsetDateTime,
    pub(crate) finished_at: Option<OffsetDateTime>,
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    row: &AttemptRow<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO rotation_attempt (attempt_id, integration_id, grant_id, generation, state)
         VALUES ($1, $2, $3, $4, 'sent')",
    )
    .bind(row.attempt_id.as_uuid())
    .bind(row.integration_id.as_str())
    .bind(row.grant_id.as_uuid())
    .bind(row.generation)
    .execute(connection)
    .await
    .map(drop)
}

/// Returns whether the answer of an attempt was committed as a generation.
pub(crate) async fn is_committed(
    connection: &mut PgConnection,
    attempt_id: AttemptId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (
             SELECT 1
             FROM rotation_attempt
             WHERE attempt_id = $1 AND state = 'committed'
         )",
    )
    .bind(attempt_id.as_uuid())
    .fetch_one(connection)
    .await
}

/// Returns whether the refresh token of a credential, whose row is locked, may be spent by an attempt
/// of which nobody knows how it ended, or which may be made right now.
pub(crate) async fn may_be_spent(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT lease_until > clock_timestamp()
             OR EXISTS (
                 SELECT 1
                 FROM rotation_attempt
                 WHERE rotation_attempt.integration_id = credential.integration_id
                     AND rotation_attempt.grant_id = credential.grant_id
                     AND rotation_attempt.generation = credential.generation
                     AND rotation_attempt.state IN ('sent', 'unknown')
             )
         FROM credential
         WHERE integration_id = $1",
    )
    .bind(integration_id.as_str())
    .fetch_one(connection)
    .await
    .map(|may_be_spent: Option<bool>| may_be_spent.unwrap_or_default())
}

/// Records how an attempt ended. One of which nothing was known may yet be heard of.
pub(crate) async fn finish(
    connection: &mut PgConnection,
    attempt_id: AttemptId,
    state: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE rotation_attempt
         SET state = $2, finished_at = clock_timestamp()
         WHERE attempt_id = $1 AND state IN ('sent', 'unknown')",
    )
    .bind(attempt_id.as_uuid())
    .bind(state)
    .execute(connection)
    .await
    .map(drop)
}

/// Reads the newest attempts of a credential: those whose end is not known, the one that made the
/// present generation, and what ended within the last hour.
///
/// The last part reads an hour of everybody's attempts (`rotation_attempt_finished`). An index by
/// integration would be quicker, and would be paid for by every rotation.
pub(crate) async fn newest(
    pool: &PgPool,
    integration_id: &IntegrationId,
    limit: i64,
) -> Result<Vec<RecordedAttempt>, sqlx::Error> {
    sqlx::query_as(
        "SELECT attempt_id, generation, state, sent_at, finished_at
         FROM rotation_attempt
         WHERE integration_id = $1 AND state = 'sent'
         UNION
         SELECT attempt_id, rotation_attempt.generation, rotation_attempt.state, sent_at,
                finished_at
         FROM credential
         JOIN rotation_attempt ON attempt_id = last_attempt_id
         WHERE credential.integration_id = $1
         UNION
         SELECT attempt_id, generation, state, sent_at, finished_at
         FROM rotation_attempt
         WHERE integration_id = $1 AND finished_at > now() - interval '1 hour'
         ORDER BY sent_at DESC
         LIMIT $2",
    )
    .bind(integration_id.as_str())
    .bind(limit)
    .fetch_all(pool)
    .await
}
