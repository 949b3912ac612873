//! Environments. One that is being deleted exists for nobody but [`next_deleting`].

use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgExecutor, Row};
use uuid::Uuid;
use workapi_types::EnvironmentGuid;

use super::Error;
use crate::model::{Environment, EnvironmentName};
use crate::tokens::EnvironmentKey;

/// What decides whether an environment's users may come in.
#[derive(Clone, Copy, Debug, FromRow)]
pub(crate) struct Admission {
    pub(crate) is_active: bool,
    /// Unix second: user tokens issued before it are void.
    pub(crate) tokens_valid_from: i64,
}

/// An environment that is yet to be stored.
#[derive(Debug)]
pub(crate) struct NewEnvironment {
    pub(crate) guid: EnvironmentGuid,
    pub(crate) name: EnvironmentName,
    pub(crate) public_key: EnvironmentKey,
    pub(crate) loopback_return_allowed: bool,
}

impl FromRow<'_, PgRow> for Environment {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            guid: EnvironmentGuid::from_uuid(row.try_get("guid")?),
            name: row.try_get("name")?,
            public_key: public_key(row)?,
            created_at: row.try_get("created_at")?,
        })
    }
}

fn public_key(row: &PgRow) -> Result<EnvironmentKey, sqlx::Error> {
    let spki: &[u8] = row.try_get("public_key")?;
    EnvironmentKey::from_spki(spki).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Inserts an environment; `None` when the guid is taken.
pub(crate) async fn insert(
    executor: impl PgExecutor<'_>,
    environment: &NewEnvironment,
) -> Result<Option<Environment>, Error> {
    let inserted = sqlx::query_as(
        "INSERT INTO environment (guid, name, public_key, loopback_return_allowed)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (guid) DO NOTHING
         RETURNING guid, name, public_key, created_at",
    )
    .bind(environment.guid.as_uuid())
    .bind(environment.name.as_str())
    .bind(environment.public_key.as_spki())
    .bind(environment.loopback_return_allowed)
    .fetch_optional(executor)
    .await?;
    Ok(inserted)
}

/// Returns an environment.
pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    guid: EnvironmentGuid,
) -> Result<Option<Environment>, Error> {
    let environment = sqlx::query_as(
        "SELECT guid, name, public_key, created_at
         FROM environment
         WHERE guid = $1 AND state <> 'deleting'",
    )
    .bind(guid.as_uuid())
    .fetch_optional(executor)
    .await?;
    Ok(environment)
}

/// Returns all environments in the order of their creation.
pub(crate) async fn list(executor: impl PgExecutor<'_>) -> Result<Vec<Environment>, Error> {
    let environments = sqlx::query_as(
        "SELECT guid, name, public_key, created_at
         FROM environment
         WHERE state <> 'deleting'
         ORDER BY created_at, guid",
    )
    .fetch_all(executor)
    .await?;
    Ok(environments)
}

/// Returns the key that verifies an environment's APTs.
pub(crate) async fn find_key(
    executor: impl PgExecutor<'_>,
    guid: EnvironmentGuid,
) -> Result<Option<EnvironmentKey>, Error> {
    let row = sqlx::query(
        "SELECT public_key
         FROM environment
         WHERE guid = $1 AND state <> 'deleting'",
    )
    .bind(guid.as_uuid())
    .fetch_optional(executor)
    .await?;
    Ok(row.as_ref().map(public_key).transpose()?)
}

/// Holds an environment as it is until the transaction ends: it may not be deactivated or
/// deleted meanwhile.
pub(crate) async fn hold(
    connection: &mut PgConnection,
    guid: EnvironmentGuid,
) -> Result<Option<Admission>, Error> {
    let admission = sqlx::query_as(
        "SELECT state = 'active' AS is_active, tokens_valid_from
         FROM environment
         WHERE guid = $1 AND state <> 'deleting'
         FOR SHARE",
    )
    .bind(guid.as_uuid())
    .fetch_optional(connection)
    .await?;
    Ok(admission)
}

/// Makes an environment disappear for everybody; returns whether there was one.
pub(crate) async fn mark_deleting(
    connection: &mut PgConnection,
    guid: EnvironmentGuid,
) -> Result<bool, Error> {
    let result = sqlx::query(
        "UPDATE environment
         SET state = 'deleting'
         WHERE guid = $1 AND state <> 'deleting'",
    )
    .bind(guid.as_uuid())
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Returns an environment whose users are still to be removed.
pub(crate) async fn next_deleting(
    executor: impl PgExecutor<'_>,
) -> Result<Option<EnvironmentGuid>, Error> {
    let guid: Option<Uuid> = sqlx::query_scalar(
        "SELECT guid
         FROM environment
         WHERE state = 'deleting'
         ORDER BY guid
         LIMIT 1",
    )
    .fetch_optional(executor)
    .await?;
    Ok(guid.map(EnvironmentGuid::from_uuid))
}

/// Removes an environment that is being deleted, if no users are left; returns whether it did.
pub(crate) async fn delete_empty(
    executor: impl PgExecutor<'_>,
    guid: EnvironmentGuid,
) -> Result<bool, Error> {
    let result = sqlx::query(
        "DELETE FROM environment
         WHERE guid = $1
           AND state = 'deleting'
           AND NOT EXISTS (SELECT 1 FROM app_user WHERE environment_guid = $1)",
    )
    .bind(guid.as_uuid())
    .execute(executor)
    .await?;
    Ok(result.rows_affected() == 1)
}
