//! Table `rejection`.

use std::time::Duration;

use sqlx::PgConnection;
use workapi_providers::Cause;
use workapi_types::ProviderConfigId;

use crate::RotationLease;

/// How a generation was rejected so far.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(crate) struct Repetition {
    /// How often in a row for the same cause.
    pub(crate) times: i32,
    /// Whether that began a day ago.
    pub(crate) for_a_day: bool,
}

/// Notes one more rejection of the generation that `lease` has.
pub(crate) async fn note(
    connection: &mut PgConnection,
    lease: &RotationLease,
    cause: Cause,
) -> Result<Repetition, sqlx::Error> {
    sqlx::query_as(
        "INSERT INTO rejection AS known (integration_id, provider_config_id, grant_id, generation,
                                         cause)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (integration_id)
         DO UPDATE SET
             provider_config_id = EXCLUDED.provider_config_id,
             grant_id = EXCLUDED.grant_id,
             generation = EXCLUDED.generation,
             cause = EXCLUDED.cause,
             times = CASE WHEN (known.grant_id, known.generation, known.cause)
                               = (EXCLUDED.grant_id, EXCLUDED.generation, EXCLUDED.cause)
                          THEN known.times + 1 ELSE 1 END,
             since = CASE WHEN (known.grant_id, known.generation, known.cause)
                               = (EXCLUDED.grant_id, EXCLUDED.generation, EXCLUDED.cause)
                          THEN known.since ELSE EXCLUDED.since END,
             rejected_at = EXCLUDED.rejected_at,
             unrefuted = true
         RETURNING times, since <= clock_timestamp() - interval '24 hours' AS for_a_day",
    )
    .bind(lease.integration_id.as_str())
    .bind(lease.grant.provider_config_id.as_uuid())
    .bind(lease.grant_id.as_uuid())
    .bind(lease.generation)
    .bind(cause.as_str())
    .fetch_one(connection)
    .await
}

/// Takes back what rejections say about a client that has succeeded with a call which began
/// `ago`, after them.
pub(crate) async fn refute(
    connection: &mut PgConnection,
    config: ProviderConfigId,
    ago: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE rejection
         SET unrefuted = false
         WHERE provider_config_id = $1
             AND cause = 'operator_config'
             AND unrefuted
             AND rejected_at < clock_timestamp() - make_interval(secs => $2)",
    )
    .bind(config.as_uuid())
    .bind(ago.as_secs_f64())
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets what was the client's fault.
pub(crate) async fn forget(
    connection: &mut PgConnection,
    config: ProviderConfigId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM rejection WHERE provider_config_id = $1 AND cause = 'operator_config'")
        .bind(config.as_uuid())
        .execute(connection)
        .await
        .map(drop)
}
