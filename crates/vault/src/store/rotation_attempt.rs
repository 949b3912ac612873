//! Table `rotation_attempt`.

use sqlx::PgConnection;
use workapi_types::AttemptId;

use crate::store::credential::ClaimKey;

pub(crate) async fn insert(
    connection: &mut PgConnection,
    attempt_id: AttemptId,
    claim: &ClaimKey,
    generation: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO rotation_attempt (attempt_id, integration_id, grant_id, generation, state)
         VALUES ($1, $2, $3, $4, 'sent')",
    )
    .bind(attempt_id.as_uuid())
    .bind(claim.integration_id.as_str())
    .bind(claim.grant_id.as_uuid())
    .bind(generation)
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

pub(crate) async fn finish(
    connection: &mut PgConnection,
    attempt_id: AttemptId,
    state: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE rotation_attempt
         SET state = $2, finished_at = clock_timestamp()
         WHERE attempt_id = $1 AND state = 'sent'",
    )
    .bind(attempt_id.as_uuid())
    .bind(state)
    .execute(connection)
    .await
    .map(drop)
}
