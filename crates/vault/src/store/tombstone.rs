//! Table `tombstone`.

use sqlx::PgConnection;
use workapi_types::IntegrationId;

pub(crate) async fn insert(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO tombstone (integration_id)
         VALUES ($1)
         ON CONFLICT (integration_id) DO NOTHING",
    )
    .bind(integration_id.as_str())
    .execute(connection)
    .await
    .map(drop)
}

pub(crate) async fn exists(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM tombstone WHERE integration_id = $1)")
        .bind(integration_id.as_str())
        .fetch_one(connection)
        .await
}
