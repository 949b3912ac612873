//! Table `used_state`.

use std::time::Duration;

use sqlx::types::time::OffsetDateTime;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use workapi_types::{GrantId, UserId};

use crate::{Exchange, StateHash};

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct OpenRow {
    pub(crate) state_hash: Vec<u8>,
    pub(crate) integration_id: String,
    pub(crate) grant_id: Uuid,
    pub(crate) started_at: OffsetDateTime,
}

/// Inserts the state and makes the grant's id; `None` when the state was used before.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    exchange: &Exchange<'_>,
) -> Result<Option<GrantId>, sqlx::Error> {
    let grant_id: Option<Uuid> = sqlx::query_scalar(
        "INSERT INTO used_state (state_hash, integration_id, user_id, revocation_group, grant_id)
         VALUES ($1, $2, $3, $4, new_grant_id())
         ON CONFLICT (state_hash) DO NOTHING
         RETURNING grant_id",
    )
    .bind(exchange.state_hash.as_bytes().as_slice())
    .bind(exchange.integration_id.as_str())
    .bind(exchange.user_id.as_str())
    .bind(exchange.revocation_group)
    .fetch_optional(connection)
    .await?;
    Ok(grant_id.map(GrantId::from_uuid))
}

/// Returns the outcome of an exchange that began within the last 60 seconds.
pub(crate) async fn recent_outcome(
    connection: &mut PgConnection,
    state: StateHash,
) -> Result<Option<String>, sqlx::Error> {
    let outcome: Option<Option<String>> = sqlx::query_scalar(
        "SELECT outcome
         FROM used_state
         WHERE state_hash = $1 AND started_at > now() - interval '60 seconds'",
    )
    .bind(state.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(outcome.flatten())
}

pub(crate) async fn finish(
    connection: &mut PgConnection,
    state: StateHash,
    outcome: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE used_state
         SET outcome = $2, finished_at = now()
         WHERE state_hash = $1 AND finished_at IS NULL",
    )
    .bind(state.as_bytes().as_slice())
    .bind(outcome)
    .execute(connection)
    .await
    .map(drop)
}

/// Returns whether an exchange is under way that may yet bring a grant of the same account:
/// any that began before the deletion, and any of the same user. An exchange that has not
/// ended after 20 minutes died with its process: none takes longer than three deadlines of 300
/// seconds and a minute.
pub(crate) async fn may_bring_a_sibling(
    connection: &mut PgConnection,
    revocation_group: &str,
    user_id: &UserId,
    deleted: &workapi_types::IntegrationId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (
             SELECT 1
             FROM used_state
             WHERE revocation_group = $1
                 AND finished_at IS NULL
                 AND started_at > now() - interval '20 minutes'
                 AND (user_id = $2
                      OR started_at <= (SELECT state_since
                                        FROM credential
                                        WHERE integration_id = $3))
         )",
    )
    .bind(revocation_group)
    .bind(user_id.as_str())
    .bind(deleted.as_str())
    .fetch_one(connection)
    .await
}

/// Returns exchanges that have not ended 10 seconds after they began, at most `within` ago; the oldest
/// first, after the one that began at `after` with that hash.
pub(crate) async fn open(
    pool: &PgPool,
    within: Duration,
    after: Option<(OffsetDateTime, &[u8])>,
    limit: i64,
) -> Result<Vec<OpenRow>, sqlx::Error> {
    let (started_at, hash) = after.unzip();
    sqlx::query_as(
        "SELECT state_hash, integration_id, grant_id, started_at
         FROM used_state
         WHERE finished_at IS NULL
             AND started_at < now() - interval '10 seconds'
             AND started_at > now() - make_interval(secs => $4)
             AND (started_at, state_hash) > (COALESCE($1, '-infinity'), COALESCE($2, ''))
         ORDER BY started_at, state_hash
         LIMIT $3",
    )
    .bind(started_at)
    .bind(hash)
    .bind(limit)
    .bind(within.as_secs_f64())
    .fetch_all(pool)
    .await
}
