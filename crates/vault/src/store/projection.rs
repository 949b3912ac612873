//! Table `account_projection`.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use workapi_types::{GrantId, IntegrationId, MediaType};

use crate::SealedAnswer;

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) integration_id: String,
    pub(crate) grant_id: Uuid,
    pub(crate) provider: String,
    pub(crate) media_type: String,
    pub(crate) provider_id: String,
}

/// Writes what is to be told, due in 10 seconds: whoever connected tells it at once.
pub(crate) async fn upsert(
    connection: &mut PgConnection,
    answer: &SealedAnswer,
    media_type: MediaType,
    provider_id: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO account_projection (integration_id, grant_id, provider, media_type, provider_id,
                                         due_at)
         VALUES ($1, $2, $3, $4, $5, now() + interval '10 seconds')
         ON CONFLICT (integration_id)
         DO UPDATE SET grant_id = EXCLUDED.grant_id,
                       provider = EXCLUDED.provider,
                       media_type = EXCLUDED.media_type,
                       provider_id = EXCLUDED.provider_id,
                       due_at = EXCLUDED.due_at,
                       failures = 0",
    )
    .bind(answer.integration_id.as_str())
    .bind(answer.grant_id.as_uuid())
    .bind(answer.grant.provider.as_str())
    .bind(media_type.as_str())
    .bind(provider_id)
    .execute(connection)
    .await
    .map(drop)
}

pub(crate) async fn claim_due(pool: &PgPool, limit: i64) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE account_projection
         SET due_at = now() + interval '30 seconds', failures = failures + 1
         WHERE integration_id = ANY (ARRAY(
             SELECT integration_id
             FROM account_projection
             WHERE due_at <= now()
             ORDER BY due_at
             LIMIT $1
             FOR UPDATE SKIP LOCKED
         ))
         RETURNING integration_id, grant_id, provider, media_type, provider_id",
    )
    .bind(limit)
    .fetch_all(pool)
    .await
}

pub(crate) async fn delete(
    pool: &PgPool,
    integration_id: &IntegrationId,
    grant_id: GrantId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM account_projection WHERE integration_id = $1 AND grant_id = $2")
        .bind(integration_id.as_str())
        .bind(grant_id.as_uuid())
        .execute(pool)
        .await
        .map(drop)
}
