//! Table `quarantine`.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;
use workapi_types::{AttemptId, IntegrationId};

use crate::{RotationLease, SealedAnswer};

/// A quarantined answer with a refresh token.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct QuarantinedRow {
    pub(crate) attempt_id: Uuid,
    pub(crate) generation: i64,
    pub(crate) sealed_refresh: Vec<u8>,
    pub(crate) salt: Vec<u8>,
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    attempt_id: AttemptId,
    answer: &SealedAnswer,
    keep_for: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO quarantine (attempt_id, integration_id, grant_id, generation, sealed_access,
                                 sealed_refresh, key_id, salt, kept_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9))
         ON CONFLICT (attempt_id) DO NOTHING",
    )
    .bind(attempt_id.as_uuid())
    .bind(answer.integration_id.as_str())
    .bind(answer.grant_id.as_uuid())
    .bind(answer.generation)
    .bind(&answer.pair.access)
    .bind(&answer.pair.refresh)
    .bind(&answer.pair.key_id)
    .bind(answer.salt.as_bytes().as_slice())
    .bind(keep_for.as_secs_f64())
    .execute(connection)
    .await
    .map(drop)
}

/// Returns the newest live answer of the lease's grant that was not tried yet.
pub(crate) async fn newest(
    connection: &mut PgConnection,
    lease: &RotationLease,
) -> Result<Option<QuarantinedRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT attempt_id, generation, sealed_refresh, salt
         FROM quarantine
         WHERE integration_id = $1
             AND grant_id = $2
             AND kept_until > now()
             AND sealed_refresh IS NOT NULL
             AND NOT tried
         ORDER BY created_at DESC
         LIMIT 1",
    )
    .bind(lease.integration_id.as_str())
    .bind(lease.grant_id.as_uuid())
    .fetch_optional(connection)
    .await
}

/// Records that the provider refused the token of an answer.
pub(crate) async fn mark_tried(
    connection: &mut PgConnection,
    attempt_id: AttemptId,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE quarantine SET tried = true WHERE attempt_id = $1")
        .bind(attempt_id.as_uuid())
        .execute(connection)
        .await
        .map(drop)
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM quarantine WHERE integration_id = $1")
        .bind(integration_id.as_str())
        .execute(connection)
        .await
        .map(drop)
}
