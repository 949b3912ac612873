//! Generations: what a rotation writes when its answer is there.

use std::time::Duration;

use sqlx::PgConnection;
use workapi_keyring::Salt;
use workapi_providers::Cause;

use crate::sealing::SealedPair;
use crate::tokens::Deadlines;
use crate::{RotationLease, State};

/// Generation n + 1 of the grant that `lease` rotates.
#[derive(Debug)]
pub(crate) struct GenerationRow<'a> {
    pub(crate) lease: &'a RotationLease,
    pub(crate) pair: &'a SealedPair,
    pub(crate) salt: &'a Salt,
    pub(crate) scopes: String,
    pub(crate) deadlines: Deadlines,
}

/// The state of a credential after a failure, and the one before.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct StateChange {
    pub(crate) state: String,
    pub(crate) cause: Option<String>,
    old_state: String,
    old_cause: Option<String>,
}

impl StateChange {
    /// Returns whether anybody has to be told.
    pub(crate) fn is_news(&self) -> bool {
        self.state != self.old_state || self.cause != self.old_cause
    }
}

/// Commits generation n + 1 where the row still has generation n of the same grant. Not the
/// lease: the answer is newer than n, whoever holds that by now.
pub(crate) async fn commit_generation(
    connection: &mut PgConnection,
    row: &GenerationRow<'_>,
) -> Result<bool, sqlx::Error> {
    let committed = sqlx::query(
        "UPDATE credential
         SET generation = generation + 1,
             last_attempt_id = $4,
             sealed_access = $5,
             sealed_refresh = $6,
             key_id = $7,
             granted_scopes = $8,
             access_expires_at = clock_timestamp() + make_interval(secs => $9),
             refresh_expires_at =
                 COALESCE(clock_timestamp() + make_interval(secs => $10), refresh_expires_at),
             refresh_at = clock_timestamp() + make_interval(secs => $11),
             due_at = clock_timestamp() + make_interval(secs => $11),
             state = 'active',
             cause = NULL,
             state_since = CASE WHEN state = 'active' THEN state_since ELSE now() END,
             claim_seq = claim_seq + 1,
             lease_token = NULL,
             lease_until = NULL,
             unfinished_jobs = 0,
             failures = 0,
             last_success_at = now()
         WHERE integration_id = $1
             AND grant_id = $2
             AND generation = $3
             AND state NOT IN ('revoking', 'revoked')",
    )
    .bind(row.lease.integration_id.as_str())
    .bind(row.lease.grant_id.as_uuid())
    .bind(row.lease.generation)
    .bind(row.lease.attempt_id.as_uuid())
    .bind(&row.pair.access)
    .bind(&row.pair.refresh)
    .bind(&row.pair.key_id)
    .bind(&row.scopes)
    .bind(row.deadlines.access_expires_in)
    .bind(row.deadlines.refresh_expires_in)
    .bind(row.deadlines.refresh_in)
    .execute(connection)
    .await?;
    Ok(committed.rows_affected() == 1)
}

/// Puts generation n + 1 where the revocation finds it: the provider may not know the old
/// refresh token any more. A credential that was shredded already is revoked once more.
pub(crate) async fn replace_revoking_pair(
    connection: &mut PgConnection,
    row: &GenerationRow<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET generation = generation + 1,
             last_attempt_id = $4,
             sealed_access = $5,
             sealed_refresh = $6,
             key_id = $7,
             salt = $8,
             state = 'revoking',
             state_since = now(),
             due_at = now(),
             revoke_until = now() + interval '24 hours',
             claim_seq = claim_seq + 1,
             lease_token = NULL,
             lease_until = NULL,
             unfinished_jobs = 0,
             failures = 0
         WHERE integration_id = $1
             AND grant_id = $2
             AND generation = $3
             AND state IN ('revoking', 'revoked')",
    )
    .bind(row.lease.integration_id.as_str())
    .bind(row.lease.grant_id.as_uuid())
    .bind(row.lease.generation)
    .bind(row.lease.attempt_id.as_uuid())
    .bind(&row.pair.access)
    .bind(&row.pair.refresh)
    .bind(&row.pair.key_id)
    .bind(row.salt.as_bytes().as_slice())
    .execute(connection)
    .await
    .map(drop)
}

/// Records a failure under its lease: the credential stays in the state `end`, or is looked at
/// again `after` a time. What passes by itself shows as `refresh_failing` only
/// once the access token ran out: until then nobody is served less.
pub(crate) async fn record_failure(
    connection: &mut PgConnection,
    lease: &RotationLease,
    cause: Cause,
    end: Option<State>,
    after: Duration,
) -> Result<Option<StateChange>, sqlx::Error> {
    sqlx::query_as(
        "WITH before AS (
             SELECT integration_id, state, cause, access_expires_at <= clock_timestamp() AS expired
             FROM credential
             WHERE integration_id = $1 AND grant_id = $2 AND generation = $3 AND lease_token = $4
                 AND state IN ('active', 'refresh_failing')
             FOR UPDATE
         ), verdict AS (
             SELECT integration_id, state AS old_state, cause AS old_cause,
                    COALESCE($5, CASE WHEN expired THEN 'refresh_failing' ELSE state END) AS state
             FROM before
         )
         UPDATE credential
         SET state = verdict.state,
             cause = CASE WHEN verdict.state = 'active' THEN NULL ELSE $6 END,
             state_since = CASE WHEN verdict.state = verdict.old_state THEN state_since
                                ELSE now() END,
             due_at = CASE WHEN $5::text IS NULL THEN now() + make_interval(secs => $7) END,
             failures = failures + 1,
             claim_seq = claim_seq + 1,
             lease_token = NULL,
             lease_until = NULL,
             unfinished_jobs = 0
         FROM verdict
         WHERE credential.integration_id = verdict.integration_id
         RETURNING credential.state, credential.cause, verdict.old_state, verdict.old_cause",
    )
    .bind(lease.integration_id.as_str())
    .bind(lease.grant_id.as_uuid())
    .bind(lease.generation)
    .bind(lease.lease_token())
    .bind(end.map(State::as_str))
    .bind(cause.as_str())
    .bind(after.as_secs_f64())
    .fetch_optional(connection)
    .await
}
