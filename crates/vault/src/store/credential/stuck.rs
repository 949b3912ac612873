//! Credentials that have not moved on, and making one due.

use sqlx::types::time::OffsetDateTime;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use workapi_types::IntegrationId;

use crate::State;

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct StuckRow {
    pub(crate) integration_id: String,
    pub(crate) environment_guid: Uuid,
    pub(crate) provider: String,
    pub(crate) state: String,
    pub(crate) cause: Option<String>,
    pub(crate) reason: String,
    pub(crate) since: OffsetDateTime,
}

/// A credential that an operator wants to move.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct RetryRow {
    pub(crate) environment_guid: Uuid,
    pub(crate) provider: String,
    pub(crate) state: String,
    pub(crate) cause: Option<String>,
    pub(crate) has_refresh_token: bool,
}

/// Finds what is stuck. Each part has its index, which holds little but what is looked for:
/// `credential_unwell`, `rotation_attempt_open`, `credential_refresh_due`, `credential_revocation_due`.
pub(crate) async fn stuck(pool: &PgPool, limit: i64) -> Result<Vec<StuckRow>, sqlx::Error> {
    sqlx::query_as(
        "(SELECT integration_id, environment_guid, provider, state, cause,
                 'given_up' AS reason, state_since AS since
          FROM credential
          WHERE state = 'needs_operator' AND cause = 'internal'
          ORDER BY state_since
          LIMIT $1)
         UNION ALL
         (SELECT credential.integration_id, environment_guid, provider, credential.state, cause,
                 'unresolved', sent_at
          FROM rotation_attempt
          JOIN credential USING (integration_id, grant_id, generation)
          WHERE rotation_attempt.state IN ('sent', 'unknown')
              AND sent_at < now() - interval '10 minutes'
              AND (lease_until IS NULL OR lease_until < now() - interval '10 minutes')
              AND credential.state <> 'revoked'
          ORDER BY sent_at
          LIMIT $1)
         UNION ALL
         (SELECT integration_id, environment_guid, provider, state, cause, 'revoking', state_since
          FROM credential
          WHERE state = 'revoking' AND state_since < now() - interval '1 hour'
          ORDER BY state_since
          LIMIT $1)
         UNION ALL
         (SELECT integration_id, environment_guid, provider, state, cause, 'overdue', due_at
          FROM credential
          WHERE state IN ('active', 'refresh_failing')
              AND due_at < now() - interval '5 minutes'
          ORDER BY due_at
          LIMIT $1)
         UNION ALL
         (SELECT integration_id, environment_guid, provider, state, cause, 'overdue', due_at
          FROM credential
          WHERE state = 'revoking' AND due_at < now() - interval '5 minutes'
          ORDER BY due_at
          LIMIT $1)
         ORDER BY since, integration_id, reason
         LIMIT $1",
    )
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Reads a credential and keeps others from changing it until the transaction ends.
pub(crate) async fn lock_for_retry(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
) -> Result<Option<RetryRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT environment_guid, provider, state, cause,
                sealed_refresh IS NOT NULL AS has_refresh_token
         FROM credential
         WHERE integration_id = $1
         FOR UPDATE",
    )
    .bind(integration_id.as_str())
    .fetch_optional(connection)
    .await
}

/// Makes a credential due that [`lock_for_retry`] has locked. A lease stays: whoever has it is at
/// work.
pub(crate) async fn make_due(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
    state: State,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET state_since = CASE WHEN state = $2 THEN state_since ELSE now() END,
             state = $2,
             due_at = now(),
             unfinished_jobs = 0
         WHERE integration_id = $1",
    )
    .bind(integration_id.as_str())
    .bind(state.as_str())
    .execute(connection)
    .await
    .map(drop)
}
