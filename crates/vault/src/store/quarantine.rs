//! Table `quarantine`.

use std::time::Duration;

use sqlx::PgConnection;
use workapi_types::IntegrationId;

use crate::store::credential::GenerationRow;

pub(crate) async fn insert(
    connection: &mut PgConnection,
    row: &GenerationRow<'_>,
    keep_for: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO quarantine (attempt_id, integration_id, grant_id, generation, sealed_access,
                                 sealed_refresh, key_id, salt, kept_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9))
         ON CONFLICT (attempt_id) DO NOTHING",
    )
    .bind(row.lease.attempt_id.as_uuid())
    .bind(row.lease.integration_id.as_str())
    .bind(row.lease.grant_id.as_uuid())
    .bind(row.lease.generation + 1)
    .bind(&row.pair.access)
    .bind(&row.pair.refresh)
    .bind(&row.pair.key_id)
    .bind(row.salt.as_bytes().as_slice())
    .bind(keep_for.as_secs_f64())
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
