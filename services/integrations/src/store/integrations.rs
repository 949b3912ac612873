//! Integrations. Whatever is asked on behalf of a user names the user in the same statement, so
//! that another user's integration is a missing one, and takes as long.

use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgExecutor, Row};
use workapi_types::{EnvironmentGuid, GrantId, IntegrationId, MediaType, UserId};

use super::Error;
use super::error::one_row;
use crate::model::{Integration, Kind};

/// An integration with the owners that its events name.
#[derive(Debug)]
pub(crate) struct OwnedIntegration {
    pub(crate) integration: Integration,
    pub(crate) user_id: UserId,
    pub(crate) environment_guid: EnvironmentGuid,
}

/// An integration with what its environment allows as `return_to`.
#[derive(Debug)]
pub(crate) struct AuthorizationContext {
    pub(crate) integration: Integration,
    pub(crate) return_origins: Vec<String>,
    pub(crate) loopback_return_allowed: bool,
}

impl FromRow<'_, PgRow> for Integration {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: id(row, "id")?,
            kind: Kind {
                provider: id(row, "provider")?,
                media_type: media_type(row)?,
            },
            provider_id: row.try_get("provider_id")?,
        })
    }
}

impl FromRow<'_, PgRow> for OwnedIntegration {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            integration: Integration::from_row(row)?,
            user_id: id(row, "user_id")?,
            environment_guid: EnvironmentGuid::from_uuid(row.try_get("environment_guid")?),
        })
    }
}

impl FromRow<'_, PgRow> for AuthorizationContext {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            integration: Integration::from_row(row)?,
            return_origins: row.try_get("return_origins")?,
            loopback_return_allowed: row.try_get("loopback_return_allowed")?,
        })
    }
}

/// Reads a column whose type checks itself.
fn id<T>(row: &PgRow, column: &str) -> Result<T, sqlx::Error>
where
    T: TryFrom<String, Error: std::error::Error + Send + Sync + 'static>,
{
    let text: String = row.try_get(column)?;
    T::try_from(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn media_type(row: &PgRow) -> Result<MediaType, sqlx::Error> {
    let name: &str = row.try_get("media_type")?;
    name.parse()
        .map_err(|error: workapi_types::UnknownMediaType| sqlx::Error::Decode(error.into()))
}

/// Inserts an integration.
///
/// # Errors
/// [`Error::is_foreign_key_violation`] when the user is gone.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    user_id: &UserId,
    integration: &Integration,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO integration (id, user_id, provider, media_type)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(integration.id.as_str())
    .bind(user_id.as_str())
    .bind(integration.kind.provider.as_str())
    .bind(integration.kind.media_type.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns a user's integrations in the order of their creation.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    user_id: &UserId,
) -> Result<Vec<Integration>, Error> {
    let integrations = sqlx::query_as(
        "SELECT id, provider, media_type, provider_id
         FROM integration
         WHERE user_id = $1
         ORDER BY created_at, id",
    )
    .bind(user_id.as_str())
    .fetch_all(executor)
    .await?;
    Ok(integrations)
}

/// Returns an integration of a user.
pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    id: &IntegrationId,
    user_id: &UserId,
) -> Result<Option<Integration>, Error> {
    let integration = sqlx::query_as(
        "SELECT id, provider, media_type, provider_id
         FROM integration
         WHERE id = $1 AND user_id = $2",
    )
    .bind(id.as_str())
    .bind(user_id.as_str())
    .fetch_optional(executor)
    .await?;
    Ok(integration)
}

/// Returns an integration of a user and locks it until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    id: &IntegrationId,
    user_id: &UserId,
) -> Result<Option<Integration>, Error> {
    let integration = sqlx::query_as(
        "SELECT id, provider, media_type, provider_id
         FROM integration
         WHERE id = $1 AND user_id = $2
         FOR UPDATE",
    )
    .bind(id.as_str())
    .bind(user_id.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(integration)
}

/// Changes what a locked integration connects to.
pub(crate) async fn set_kind(
    connection: &mut PgConnection,
    id: &IntegrationId,
    kind: &Kind,
) -> Result<(), Error> {
    let result = sqlx::query(
        "UPDATE integration
         SET provider = $2, media_type = $3, updated_at = now()
         WHERE id = $1",
    )
    .bind(id.as_str())
    .bind(kind.provider.as_str())
    .bind(kind.media_type.as_str())
    .execute(connection)
    .await?;
    one_row(&result)
}

/// Removes an integration of a user; returns whether there was one.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    id: &IntegrationId,
    user_id: &UserId,
) -> Result<bool, Error> {
    let result = sqlx::query(
        "DELETE FROM integration
         WHERE id = $1 AND user_id = $2",
    )
    .bind(id.as_str())
    .bind(user_id.as_str())
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Removes all integrations of a user that is locked, and returns their ids.
pub(crate) async fn delete_all(
    connection: &mut PgConnection,
    user_id: &UserId,
) -> Result<Vec<String>, Error> {
    let ids = sqlx::query_scalar(
        "DELETE FROM integration
         WHERE user_id = $1
         RETURNING id",
    )
    .bind(user_id.as_str())
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// Returns an integration of a user with what its environment allows as `return_to`.
pub(crate) async fn find_authorization_context(
    executor: impl PgExecutor<'_>,
    id: &IntegrationId,
    user_id: &UserId,
) -> Result<Option<AuthorizationContext>, Error> {
    let context = sqlx::query_as(
        "SELECT integration.id,
                integration.provider,
                integration.media_type,
                integration.provider_id,
                environment.loopback_return_allowed,
                ARRAY(
                    SELECT origin
                    FROM return_origin
                    WHERE environment_guid = environment.guid
                    ORDER BY origin
                ) AS return_origins
         FROM integration
         JOIN app_user ON app_user.id = integration.user_id
         JOIN environment ON environment.guid = app_user.environment_guid
         WHERE integration.id = $1 AND integration.user_id = $2",
    )
    .bind(id.as_str())
    .bind(user_id.as_str())
    .fetch_optional(executor)
    .await?;
    Ok(context)
}

/// Returns an integration with its owners and locks it until the transaction ends.
pub(crate) async fn lock_with_owners(
    connection: &mut PgConnection,
    id: &IntegrationId,
) -> Result<Option<OwnedIntegration>, Error> {
    let integration = sqlx::query_as(
        "SELECT integration.id,
                integration.provider,
                integration.media_type,
                integration.provider_id,
                integration.user_id,
                app_user.environment_guid
         FROM integration
         JOIN app_user ON app_user.id = integration.user_id
         WHERE integration.id = $1
         FOR UPDATE OF integration",
    )
    .bind(id.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(integration)
}

/// Writes what an integration was connected to, unless a newer grant has; returns whether it did.
pub(crate) async fn set_connected(
    connection: &mut PgConnection,
    connected: &Integration,
    grant_id: GrantId,
) -> Result<bool, Error> {
    let result = sqlx::query(
        "UPDATE integration
         SET provider = $2, media_type = $3, provider_id = $4, provider_id_grant = $5,
             updated_at = now()
         WHERE id = $1 AND (provider_id_grant IS NULL OR provider_id_grant <= $5)",
    )
    .bind(connected.id.as_str())
    .bind(connected.kind.provider.as_str())
    .bind(connected.kind.media_type.as_str())
    .bind(connected.provider_id.as_deref())
    .bind(grant_id.as_uuid())
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Returns which of the ids are integrations'.
pub(crate) async fn filter_existing(
    executor: impl PgExecutor<'_>,
    ids: &[String],
) -> Result<Vec<String>, Error> {
    let existing = sqlx::query_scalar(
        "SELECT id
         FROM integration
         WHERE id = ANY($1)",
    )
    .bind(ids)
    .fetch_all(executor)
    .await?;
    Ok(existing)
}
