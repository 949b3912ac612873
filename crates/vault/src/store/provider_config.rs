//! Table `provider_config`.

use sqlx::types::time::OffsetDateTime;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use workapi_types::{EnvironmentGuid, ProviderConfigId, ProviderName};

#[derive(Debug)]
pub(crate) struct ConfigRow {
    pub(crate) id: ProviderConfigId,
    pub(crate) environment_guid: Uuid,
    pub(crate) provider: String,
    pub(crate) client_id: String,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

impl sqlx::FromRow<'_, sqlx::postgres::PgRow> for ConfigRow {
    fn from_row(row: &sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
        use sqlx::Row;
        Ok(Self {
            id: ProviderConfigId::from_uuid(row.try_get("id")?),
            environment_guid: row.try_get("environment_guid")?,
            provider: row.try_get("provider")?,
            client_id: row.try_get("client_id")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// Takes other client ids of this environment and provider out of force.
pub(crate) async fn retire_other_clients(
    connection: &mut PgConnection,
    environment: EnvironmentGuid,
    provider: &ProviderName,
    client_id: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE provider_config
         SET current = false, updated_at = now()
         WHERE environment_guid = $1 AND provider = $2 AND client_id <> $3 AND current",
    )
    .bind(environment.as_uuid())
    .bind(provider.as_str())
    .bind(client_id)
    .execute(connection)
    .await
    .map(drop)
}

pub(crate) async fn upsert(
    connection: &mut PgConnection,
    environment: EnvironmentGuid,
    provider: &ProviderName,
    client_id: &str,
) -> Result<ConfigRow, sqlx::Error> {
    sqlx::query_as(
        "INSERT INTO provider_config (id, environment_guid, provider, client_id)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (environment_guid, provider, client_id)
         DO UPDATE SET current = true, updated_at = now()
         RETURNING id, environment_guid, provider, client_id, created_at, updated_at",
    )
    .bind(ProviderConfigId::random().as_uuid())
    .bind(environment.as_uuid())
    .bind(provider.as_str())
    .bind(client_id)
    .fetch_one(connection)
    .await
}

pub(crate) async fn list(
    pool: &PgPool,
    environment: Option<EnvironmentGuid>,
) -> Result<Vec<ConfigRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, environment_guid, provider, client_id, created_at, updated_at
         FROM provider_config
         WHERE current AND ($1::uuid IS NULL OR environment_guid = $1)
         ORDER BY environment_guid, provider",
    )
    .bind(environment.map(EnvironmentGuid::as_uuid))
    .fetch_all(pool)
    .await
}

pub(crate) async fn lock_current(
    connection: &mut PgConnection,
    environment: EnvironmentGuid,
    provider: &ProviderName,
) -> Result<Option<ProviderConfigId>, sqlx::Error> {
    let id: Option<Uuid> = sqlx::query_scalar(
        "SELECT id
         FROM provider_config
         WHERE environment_guid = $1 AND provider = $2 AND current
         FOR UPDATE",
    )
    .bind(environment.as_uuid())
    .bind(provider.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(id.map(ProviderConfigId::from_uuid))
}

/// Counts the credentials that can only be refreshed or revoked with this config.
pub(crate) async fn count_dependents(
    connection: &mut PgConnection,
    id: ProviderConfigId,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*)
         FROM credential
         WHERE provider_config_id = $1 AND state <> 'revoked'",
    )
    .bind(id.as_uuid())
    .fetch_one(connection)
    .await
}

/// Notes that an operator has changed a config: a breaker that is open is tried at once.
pub(crate) async fn touch(
    connection: &mut PgConnection,
    id: ProviderConfigId,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE provider_config SET updated_at = now() WHERE id = $1")
        .bind(id.as_uuid())
        .execute(connection)
        .await
        .map(drop)
}

pub(crate) async fn retire(
    connection: &mut PgConnection,
    id: ProviderConfigId,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE provider_config SET current = false, updated_at = now() WHERE id = $1")
        .bind(id.as_uuid())
        .execute(connection)
        .await
        .map(drop)
}

pub(crate) async fn retire_environment(
    pool: &PgPool,
    environment: EnvironmentGuid,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE provider_config
         SET current = false, updated_at = now()
         WHERE environment_guid = $1 AND current",
    )
    .bind(environment.as_uuid())
    .execute(pool)
    .await
    .map(drop)
}

pub(crate) async fn find_current(
    connection: &mut PgConnection,
    environment: EnvironmentGuid,
    provider: &ProviderName,
) -> Result<Option<(ProviderConfigId, String)>, sqlx::Error> {
    let row: Option<(Uuid, String)> = sqlx::query_as(
        "SELECT id, client_id
         FROM provider_config
         WHERE environment_guid = $1 AND provider = $2 AND current",
    )
    .bind(environment.as_uuid())
    .bind(provider.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(id, client_id)| (ProviderConfigId::from_uuid(id), client_id)))
}

pub(crate) async fn client_ids(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, String)>, sqlx::Error> {
    sqlx::query_as("SELECT id, client_id FROM provider_config WHERE id = ANY ($1)")
        .bind(ids)
        .fetch_all(connection)
        .await
}
