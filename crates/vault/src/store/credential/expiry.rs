//! Notices of grants that will end.

use sqlx::PgConnection;
use uuid::Uuid;

/// A grant whose end is near.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct ExpiringRow {
    pub(crate) integration_id: String,
    pub(crate) environment_guid: Uuid,
    pub(crate) provider: String,
    pub(crate) expires_at: i64,
    pub(crate) days_left: i32,
}

/// Takes notices that are due, the longest due first, and sets the time of the next one.
pub(crate) async fn take_expiry_notices(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<Vec<ExpiringRow>, sqlx::Error> {
    sqlx::query_as(
        "WITH due AS (
             SELECT integration_id
             FROM credential
             WHERE expiry_notice_at <= now()
                 AND state IN ('active', 'refresh_failing', 'needs_operator')
             ORDER BY expiry_notice_at
             LIMIT $1
             FOR UPDATE SKIP LOCKED
         )
         UPDATE credential
         SET expiry_notice_at = next_expiry_notice(grant_expires_at, now())
         FROM due
         WHERE credential.integration_id = due.integration_id
         RETURNING credential.integration_id, environment_guid, provider,
                   extract(epoch FROM grant_expires_at)::bigint AS expires_at,
                   ceil(extract(epoch FROM grant_expires_at - now()) / 86400)::integer
                       AS days_left",
    )
    .bind(limit)
    .fetch_all(connection)
    .await
}
