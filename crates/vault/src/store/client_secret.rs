//! Table `client_secret`.

use sqlx::PgConnection;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;
use workapi_keyring::Salt;
use workapi_types::ProviderConfigId;

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct SecretRow {
    pub(crate) provider_config_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) sealed_secret: Vec<u8>,
    pub(crate) salt: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct NewSecret {
    pub(crate) id: Uuid,
    pub(crate) sealed: Vec<u8>,
    pub(crate) key_id: String,
    pub(crate) salt: Salt,
}

/// Adds a secret before or behind all others. Positions have gaps, and may be negative, so that no
/// row has to make room.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    config: ProviderConfigId,
    secret: &NewSecret,
    first: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO client_secret (id, provider_config_id, position, sealed_secret, key_id, salt)
         SELECT $1, $2,
                CASE WHEN $3 THEN COALESCE(min(position) - 1, 0)
                     ELSE COALESCE(max(position) + 1, 0) END,
                $4, $5, $6
         FROM client_secret
         WHERE provider_config_id = $2",
    )
    .bind(secret.id)
    .bind(config.as_uuid())
    .bind(first)
    .bind(&secret.sealed)
    .bind(&secret.key_id)
    .bind(secret.salt.as_bytes().as_slice())
    .execute(connection)
    .await
    .map(drop)
}

/// Returns the secrets of configs, those of each in the order in which they are tried.
pub(crate) async fn all(
    connection: &mut PgConnection,
    configs: &[Uuid],
) -> Result<Vec<SecretRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT provider_config_id, id, sealed_secret, salt
         FROM client_secret
         WHERE provider_config_id = ANY ($1)
         ORDER BY position",
    )
    .bind(configs)
    .fetch_all(connection)
    .await
}

/// Returns ids and ages of the secrets of a config in the order in which they are tried.
pub(crate) async fn list(
    connection: &mut PgConnection,
    config: ProviderConfigId,
) -> Result<Vec<(Uuid, OffsetDateTime)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, created_at
         FROM client_secret
         WHERE provider_config_id = $1
         ORDER BY position",
    )
    .bind(config.as_uuid())
    .fetch_all(connection)
    .await
}

/// Deletes one secret of a config.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    config: ProviderConfigId,
    id: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM client_secret
         WHERE provider_config_id = $1 AND id = $2",
    )
    .bind(config.as_uuid())
    .bind(id)
    .execute(connection)
    .await
    .map(drop)
}

/// Deletes all secrets of a config.
pub(crate) async fn delete_all(
    connection: &mut PgConnection,
    config: ProviderConfigId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM client_secret WHERE provider_config_id = $1")
        .bind(config.as_uuid())
        .execute(connection)
        .await
        .map(drop)
}
