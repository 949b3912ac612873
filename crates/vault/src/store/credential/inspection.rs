//! One credential with the machinery around it.

use sqlx::PgPool;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;
use workapi_types::IntegrationId;

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct InspectionRow {
    pub(crate) environment_guid: Uuid,
    pub(crate) provider: String,
    pub(crate) grant_id: Uuid,
    pub(crate) generation: i64,
    pub(crate) state: String,
    pub(crate) cause: Option<String>,
    pub(crate) state_since: OffsetDateTime,
    pub(crate) last_success_at: OffsetDateTime,
    pub(crate) access_expires_at: OffsetDateTime,
    pub(crate) due_at: Option<OffsetDateTime>,
    pub(crate) lease_until: Option<OffsetDateTime>,
    pub(crate) unfinished_jobs: i32,
    pub(crate) failures: i32,
    pub(crate) revoke_until: Option<OffsetDateTime>,
    pub(crate) has_refresh_token: bool,
    pub(crate) breaker_open: bool,
    pub(crate) quarantined: i64,
}

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct JobStateRow {
    pub(crate) integration_id: String,
    pub(crate) grant_id: Uuid,
    pub(crate) state: String,
    pub(crate) unfinished_jobs: i32,
}

pub(crate) async fn inspect(
    pool: &PgPool,
    integration_id: &IntegrationId,
) -> Result<Option<InspectionRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT environment_guid, provider, grant_id, generation, state, cause, state_since,
                last_success_at, access_expires_at, due_at,
                CASE WHEN lease_until > now() THEN lease_until END AS lease_until,
                unfinished_jobs, failures,
                CASE WHEN state = 'revoking' THEN revoke_until END AS revoke_until,
                sealed_refresh IS NOT NULL AS has_refresh_token,
                provider_breaker.opened_at IS NOT NULL AS breaker_open,
                (SELECT count(*)
                 FROM quarantine
                 WHERE quarantine.integration_id = credential.integration_id) AS quarantined
         FROM credential
         LEFT JOIN provider_breaker USING (provider_config_id)
         WHERE integration_id = $1",
    )
    .bind(integration_id.as_str())
    .fetch_optional(pool)
    .await
}

pub(crate) async fn job_states(
    pool: &PgPool,
    integrations: &[IntegrationId],
) -> Result<Vec<JobStateRow>, sqlx::Error> {
    let ids: Vec<&str> = integrations.iter().map(IntegrationId::as_str).collect();
    sqlx::query_as(
        "SELECT integration_id, grant_id, state, unfinished_jobs
         FROM credential
         WHERE integration_id = ANY ($1)",
    )
    .bind(&ids)
    .fetch_all(pool)
    .await
}
