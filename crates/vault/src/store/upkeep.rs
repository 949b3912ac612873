//! Sweeps over several tables.

use sqlx::PgPool;
use workapi_types::IntegrationId;

pub(crate) async fn integrations_after(
    pool: &PgPool,
    after: Option<&IntegrationId>,
    limit: i64,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT integration_id
         FROM credential
         WHERE integration_id > $1 AND state NOT IN ('revoking', 'revoked')
         ORDER BY integration_id
         LIMIT $2",
    )
    .bind(after.map_or("", IntegrationId::as_str))
    .bind(limit)
    .fetch_all(pool)
    .await
}

pub(crate) async fn note_existing(
    pool: &PgPool,
    asked: &[IntegrationId],
    existing: &[IntegrationId],
) -> Result<Vec<String>, sqlx::Error> {
    let asked: Vec<&str> = asked.iter().map(IntegrationId::as_str).collect();
    let existing: Vec<&str> = existing.iter().map(IntegrationId::as_str).collect();
    sqlx::query(
        "UPDATE credential
         SET missing_since = CASE WHEN integration_id = ANY ($2) THEN NULL
                                  ELSE COALESCE(missing_since, now()) END
         WHERE integration_id = ANY ($1)
             AND (missing_since IS NULL) <> (integration_id = ANY ($2))",
    )
    .bind(&asked)
    .bind(&existing)
    .execute(pool)
    .await?;
    sqlx::query_scalar(
        "SELECT integration_id
         FROM credential
         WHERE integration_id = ANY ($1)
             AND missing_since <= now() - interval '10 minutes'
             AND state NOT IN ('revoking', 'revoked')",
    )
    .bind(&asked)
    .fetch_all(pool)
    .await
}

/// Returns credentials that were shredded within the last three hours.
pub(crate) async fn shredded_lately(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT integration_id
         FROM credential
         WHERE state = 'revoked' AND state_since > now() - interval '3 hours'",
    )
    .fetch_all(pool)
    .await
}

pub(crate) async fn purge(pool: &PgPool) -> Result<(), sqlx::Error> {
    for statement in [
        // The journal may hold the grant of one that did not end for as long as it keeps anything.
        "DELETE FROM used_state
         WHERE started_at < now() - interval '1 hour'
             AND (finished_at IS NOT NULL OR started_at < now() - interval '35 days')",
        // What is not known of an attempt matters for as long as its generation lasts.
        "DELETE FROM rotation_attempt
         WHERE finished_at < now() - interval '1 day'
             AND (state <> 'unknown' OR finished_at < now() - interval '35 days')",
        "DELETE FROM rejection WHERE rejected_at < now() - interval '3 days'",
        "DELETE FROM quarantine WHERE kept_until < now()",
        "DELETE FROM credential
         WHERE state = 'revoked' AND state_since < now() - interval '35 days'",
        "DELETE FROM tombstone WHERE created_at < now() - interval '35 days'",
    ] {
        sqlx::query(statement).execute(pool).await?;
    }
    Ok(())
}
