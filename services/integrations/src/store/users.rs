//! Users.

use sqlx::{FromRow, PgConnection, PgExecutor};
use uuid::Uuid;
use workapi_types::{EnvironmentGuid, UserId};

use super::Error;
use super::error::one_row;
use crate::model::ArbitraryId;

/// A user with what decides whether it may come in.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct KnownUser {
    #[sqlx(try_from = "String")]
    pub(crate) id: UserId,
    pub(crate) arbitrary_id: String,
    pub(crate) is_active: bool,
    pub(crate) environment_is_active: bool,
    /// Unix second: tokens issued before it are void, for the user's sake or the environment's.
    pub(crate) tokens_valid_from: i64,
}

/// Inserts a user; returns whether the name was free in its environment.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    id: &UserId,
    environment_guid: EnvironmentGuid,
    arbitrary_id: &ArbitraryId,
) -> Result<bool, Error> {
    let result = sqlx::query(
        "INSERT INTO app_user (id, environment_guid, arbitrary_id)
         VALUES ($1, $2, $3)
         ON CONFLICT (environment_guid, arbitrary_id) DO NOTHING",
    )
    .bind(id.as_str())
    .bind(environment_guid.as_uuid())
    .bind(arbitrary_id.as_str())
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Returns the user that a token names, if it belongs to the environment that the token names.
pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    id: &UserId,
    environment_guid: EnvironmentGuid,
) -> Result<Option<KnownUser>, Error> {
    let user = sqlx::query_as(
        "SELECT app_user.id,
                app_user.arbitrary_id,
                app_user.state = 'active' AS is_active,
                environment.state = 'active' AS environment_is_active,
                GREATEST(app_user.tokens_valid_from, environment.tokens_valid_from)
                    AS tokens_valid_from
         FROM app_user
         JOIN environment ON environment.guid = app_user.environment_guid
         WHERE app_user.id = $1
           AND app_user.environment_guid = $2
           AND environment.state <> 'deleting'",
    )
    .bind(id.as_str())
    .bind(environment_guid.as_uuid())
    .fetch_optional(executor)
    .await?;
    Ok(user)
}

/// Returns the user that an environment knows by a name.
pub(crate) async fn find_by_arbitrary_id(
    executor: impl PgExecutor<'_>,
    environment_guid: EnvironmentGuid,
    arbitrary_id: &ArbitraryId,
) -> Result<Option<KnownUser>, Error> {
    let user = sqlx::query_as(
        "SELECT app_user.id,
                app_user.arbitrary_id,
                app_user.state = 'active' AS is_active,
                environment.state = 'active' AS environment_is_active,
                GREATEST(app_user.tokens_valid_from, environment.tokens_valid_from)
                    AS tokens_valid_from
         FROM app_user
         JOIN environment ON environment.guid = app_user.environment_guid
         WHERE app_user.environment_guid = $1
           AND app_user.arbitrary_id = $2
           AND environment.state <> 'deleting'",
    )
    .bind(environment_guid.as_uuid())
    .bind(arbitrary_id.as_str())
    .fetch_optional(executor)
    .await?;
    Ok(user)
}

/// Takes a user for deletion: until the transaction ends nobody adds an integration to it.
/// Returns its environment.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    id: &UserId,
) -> Result<Option<EnvironmentGuid>, Error> {
    let environment_guid: Option<Uuid> = sqlx::query_scalar(
        "SELECT environment_guid
         FROM app_user
         WHERE id = $1
         FOR UPDATE",
    )
    .bind(id.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(environment_guid.map(EnvironmentGuid::from_uuid))
}

/// Takes some users of an environment for deletion, passing over those that somebody else took.
pub(crate) async fn lock_some(
    connection: &mut PgConnection,
    environment_guid: EnvironmentGuid,
    limit: i64,
) -> Result<Vec<UserId>, Error> {
    #[derive(FromRow)]
    struct Row {
        #[sqlx(try_from = "String")]
        id: UserId,
    }

    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id
         FROM app_user
         WHERE environment_guid = $1
         LIMIT $2
         FOR UPDATE SKIP LOCKED",
    )
    .bind(environment_guid.as_uuid())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Removes a locked user that has no integrations left.
pub(crate) async fn delete(connection: &mut PgConnection, id: &UserId) -> Result<(), Error> {
    let result = sqlx::query(
        "DELETE FROM app_user
         WHERE id = $1",
    )
    .bind(id.as_str())
    .execute(connection)
    .await?;
    one_row(&result)
}
