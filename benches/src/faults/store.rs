//! All SQL of the fault bench: what it looks at, and the little that it changes as an operator.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

/// The pair that the vault holds of a credential.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct StoredPair {
    pub(super) integration_id: String,
    pub(super) grant_id: Uuid,
    pub(super) generation: i64,
    pub(super) state: String,
    pub(super) cause: Option<String>,
    pub(super) sealed_refresh: Option<Vec<u8>>,
    pub(super) salt: Option<Vec<u8>>,
}

/// An attempt that the vault recorded.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct AttemptRow {
    pub(super) grant_id: Uuid,
    pub(super) generation: i64,
    pub(super) state: String,
    pub(super) sent_at: OffsetDateTime,
}

/// Notes how late each generation comes. And tells nobody what was connected: `integrations` knows
/// none of it, and would have it deleted.
pub(super) async fn prepare(pool: &PgPool) -> Result<(), sqlx::Error> {
    let statements = [
        "CREATE TABLE bench_generation (
             late_seconds double precision NOT NULL
         )",
        "CREATE FUNCTION bench_note_generation() RETURNS trigger
         LANGUAGE plpgsql
         SECURITY DEFINER
         AS $$
         BEGIN
             INSERT INTO bench_generation (late_seconds)
             VALUES (extract(epoch FROM clock_timestamp() - OLD.refresh_at));
             RETURN NULL;
         END
         $$",
        "CREATE TRIGGER bench_generation
         AFTER UPDATE ON credential
         FOR EACH ROW
         WHEN (NEW.grant_id = OLD.grant_id AND NEW.generation > OLD.generation)
         EXECUTE FUNCTION bench_note_generation()",
        "CREATE FUNCTION bench_keep_quiet() RETURNS trigger
         LANGUAGE plpgsql
         AS $$
         BEGIN
             RETURN NULL;
         END
         $$",
        "CREATE TRIGGER bench_projection
         BEFORE INSERT ON account_projection
         FOR EACH ROW
         EXECUTE FUNCTION bench_keep_quiet()",
    ];
    for statement in statements {
        sqlx::query(statement).execute(pool).await?;
    }
    Ok(())
}

/// Returns the database's time.
pub(super) async fn now(pool: &PgPool) -> Result<OffsetDateTime, sqlx::Error> {
    sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(pool)
        .await
}

/// Returns every pair.
pub(super) async fn pairs(pool: &PgPool) -> Result<Vec<StoredPair>, sqlx::Error> {
    sqlx::query_as(
        "SELECT integration_id, grant_id, generation, state, cause, sealed_refresh, salt
         FROM credential",
    )
    .fetch_all(pool)
    .await
}

/// Returns the pairs whose users have to consent again.
pub(super) async fn broken_pairs(pool: &PgPool) -> Result<Vec<StoredPair>, sqlx::Error> {
    sqlx::query_as(
        "SELECT integration_id, grant_id, generation, state, cause, sealed_refresh, salt
         FROM credential
         WHERE state = 'needs_reconnect'",
    )
    .fetch_all(pool)
    .await
}

/// Gives every credential that waits for an operator another try, and returns how many did.
pub(super) async fn retry(pool: &PgPool) -> Result<u64, sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET state = 'active', cause = NULL, state_since = now(), due_at = now(),
             unfinished_jobs = 0, failures = 0
         WHERE state = 'needs_operator'",
    )
    .execute(pool)
    .await
    .map(|done| done.rows_affected())
}

/// Returns whether a credential has a token that will still be good a while from now; `None` when
/// it is not to be served at all.
pub(super) async fn has_token(
    pool: &PgPool,
    integration: &str,
    a_while: Duration,
) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT access_expires_at > clock_timestamp() + make_interval(secs => $2)
         FROM credential
         WHERE integration_id = $1 AND state IN ('active', 'refresh_failing')",
    )
    .bind(integration)
    .bind(a_while.as_secs_f64())
    .fetch_optional(pool)
    .await
}

/// Returns every attempt.
pub(super) async fn attempts(pool: &PgPool) -> Result<Vec<AttemptRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT grant_id, generation, state, sent_at
         FROM rotation_attempt",
    )
    .fetch_all(pool)
    .await
}

/// Returns how late each generation came.
pub(super) async fn lateness(pool: &PgPool) -> Result<Vec<Duration>, sqlx::Error> {
    let seconds: Vec<f64> = sqlx::query_scalar("SELECT late_seconds FROM bench_generation")
        .fetch_all(pool)
        .await?;
    let seconds = seconds.into_iter();
    Ok(seconds
        .map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default())
        .collect())
}

/// Has every credential looked at that waits for something that is over. What somebody is at work
/// on is left for the next time: waiting for many rows could lock up with the batches of others.
pub(super) async fn nudge(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET due_at = now()
         WHERE integration_id IN (
             SELECT integration_id
             FROM credential
             WHERE state IN ('active', 'refresh_failing')
                 AND due_at > now() + interval '1 second'
                 AND (lease_until IS NULL OR lease_until < now())
                 AND access_expires_at < now()
             FOR UPDATE SKIP LOCKED
         )",
    )
    .execute(pool)
    .await
    .map(drop)
}

/// Ends the leases of attempts that were sent before `since`, whose processes are gone.
pub(super) async fn end_leases(pool: &PgPool, since: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET lease_until = now() - interval '1 second', due_at = now()
         WHERE integration_id IN (
             SELECT integration_id
             FROM credential
             WHERE lease_until > now()
                 AND EXISTS (
                     SELECT FROM rotation_attempt
                     WHERE rotation_attempt.integration_id = credential.integration_id
                         AND rotation_attempt.state IN ('sent', 'unknown')
                         AND rotation_attempt.sent_at < $1
                 )
             FOR UPDATE SKIP LOCKED
         )",
    )
    .bind(since)
    .execute(pool)
    .await
    .map(drop)
}

/// Counts the credentials that have not succeeded since then, or are not well.
pub(super) async fn unsettled(pool: &PgPool, since: OffsetDateTime) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*)
         FROM credential
         WHERE last_success_at < $1 OR state <> 'active'",
    )
    .bind(since)
    .fetch_one(pool)
    .await
}
