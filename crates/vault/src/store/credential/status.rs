//! The state of one credential.

use sqlx::PgPool;
use sqlx::types::time::OffsetDateTime;
use workapi_types::IntegrationId;

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct StatusRow {
    pub(crate) state: String,
    pub(crate) cause: Option<String>,
    pub(crate) state_since: OffsetDateTime,
    pub(crate) last_success_at: OffsetDateTime,
    pub(crate) access_expires_at: OffsetDateTime,
    pub(crate) asked_scopes: String,
    pub(crate) granted_scopes: String,
    pub(crate) breaker_open: bool,
}

pub(crate) async fn status(
    pool: &PgPool,
    integration_id: &IntegrationId,
) -> Result<Option<StatusRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT state, cause, state_since, last_success_at, access_expires_at, asked_scopes,
                granted_scopes, provider_breaker.opened_at IS NOT NULL AS breaker_open
         FROM credential
         LEFT JOIN provider_breaker USING (provider_config_id)
         WHERE integration_id = $1",
    )
    .bind(integration_id.as_str())
    .fetch_optional(pool)
    .await
}
