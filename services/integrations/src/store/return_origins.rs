//! What environments allow as `return_to`.

use sqlx::PgExecutor;
use workapi_types::EnvironmentGuid;

use super::Error;
use crate::return_origin::ReturnOrigin;

/// Allows an origin, which may be allowed already; returns whether the environment exists.
pub(crate) async fn insert(
    executor: impl PgExecutor<'_>,
    environment_guid: EnvironmentGuid,
    origin: &ReturnOrigin,
) -> Result<bool, Error> {
    let exists = sqlx::query_scalar(
        "WITH owner AS (
             SELECT guid
             FROM environment
             WHERE guid = $1 AND state <> 'deleting'
         ), inserted AS (
             INSERT INTO return_origin (environment_guid, origin)
             SELECT guid, $2
             FROM owner
             ON CONFLICT (environment_guid, origin) DO NOTHING
         )
         SELECT EXISTS (SELECT 1 FROM owner)",
    )
    .bind(environment_guid.as_uuid())
    .bind(origin.as_str())
    .fetch_one(executor)
    .await?;
    Ok(exists)
}

/// Returns what an environment allows, in order; `None` when the environment does not exist.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    environment_guid: EnvironmentGuid,
) -> Result<Option<Vec<String>>, Error> {
    let origins = sqlx::query_scalar(
        "SELECT ARRAY(
             SELECT origin
             FROM return_origin
             WHERE environment_guid = guid
             ORDER BY origin
         )
         FROM environment
         WHERE guid = $1 AND state <> 'deleting'",
    )
    .bind(environment_guid.as_uuid())
    .fetch_optional(executor)
    .await?;
    Ok(origins)
}

/// Withdraws an allowance; returns whether there was one.
pub(crate) async fn delete(
    executor: impl PgExecutor<'_>,
    environment_guid: EnvironmentGuid,
    origin: &ReturnOrigin,
) -> Result<bool, Error> {
    let result = sqlx::query(
        "DELETE FROM return_origin
         WHERE environment_guid = $1 AND origin = $2",
    )
    .bind(environment_guid.as_uuid())
    .bind(origin.as_str())
    .execute(executor)
    .await?;
    Ok(result.rows_affected() == 1)
}
