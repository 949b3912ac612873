//! Generations: what a rotation writes when its answer is there.

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;
use workapi_bus::outbox;
use workapi_types::{AttemptId, GrantId, IntegrationId};

use crate::rejection::Ruling;
use crate::sealing::SealedPair;
use crate::tokens::Deadlines;
use crate::{Failure, RotationLease, SealedAnswer, State};

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

/// An answer that shall be the generation after `stored`.
#[derive(Clone, Debug)]
pub(crate) struct CommitRow {
    pub(crate) integration_id: IntegrationId,
    pub(crate) grant_id: GrantId,
    pub(crate) stored: i64,
    pub(crate) generation: i64,
    pub(crate) attempt_id: AttemptId,
    pub(crate) pair: SealedPair,
    pub(crate) scopes: String,
    pub(crate) deadlines: Deadlines,
    pub(crate) event: outbox::Prepared,
}

/// Commits generations where the rows still have what they are to follow, with their events, and
/// returns the attempts that made them. Not the lease: the answer is newer, whoever holds that by now.
pub(crate) async fn commit_all(
    executor: impl PgExecutor<'_>,
    rows: &[CommitRow],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let ids = |of: fn(&CommitRow) -> Uuid| rows.iter().map(of).collect::<Vec<_>>();
    let texts = |of: fn(&CommitRow) -> Option<&str>| rows.iter().map(of).collect::<Vec<_>>();
    let numbers = |of: fn(&CommitRow) -> i64| rows.iter().map(of).collect::<Vec<_>>();
    let seconds = |of: fn(&CommitRow) -> Option<f64>| rows.iter().map(of).collect::<Vec<_>>();
    let bytes = |of: fn(&CommitRow) -> Option<&[u8]>| rows.iter().map(of).collect::<Vec<_>>();
    sqlx::query_scalar(COMMIT_ALL)
        .bind(texts(|row| Some(row.integration_id.as_str())))
        .bind(ids(|row| row.grant_id.as_uuid()))
        .bind(numbers(|row| row.stored))
        .bind(numbers(|row| row.generation))
        .bind(ids(|row| row.attempt_id.as_uuid()))
        .bind(bytes(|row| Some(&row.pair.access)))
        .bind(bytes(|row| row.pair.refresh.as_deref()))
        .bind(texts(|row| Some(&row.pair.key_id)))
        .bind(texts(|row| Some(&row.scopes)))
        .bind(seconds(|row| Some(row.deadlines.access_expires_in)))
        .bind(seconds(|row| row.deadlines.refresh_expires_in))
        .bind(seconds(|row| Some(row.deadlines.refresh_in)))
        .bind(ids(|row| row.event.id))
        .bind(texts(|row| Some(&row.event.subject)))
        .bind(texts(|row| Some(&row.event.subject_id)))
        .bind(bytes(|row| Some(&row.event.payload)))
        .bind(texts(|row| row.event.traceparent.as_deref()))
        .fetch_all(executor)
        .await
}

/// One statement, so that an answer waits for one round trip.
const COMMIT_ALL: &str = "
    WITH answer AS (
        SELECT *
        FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[], $5::uuid[], $6::bytea[],
                    $7::bytea[], $8::text[], $9::text[], $10::float8[], $11::float8[], $12::float8[],
                    $13::uuid[], $14::text[], $15::text[], $16::bytea[], $17::text[])
            AS answer (integration_id, grant_id, stored, generation, attempt_id, sealed_access,
                       sealed_refresh, key_id, scopes, access_expires_in, refresh_expires_in,
                       refresh_in, event_id, subject, subject_id, payload, traceparent)
    ), committed AS (
        UPDATE credential
        SET generation = answer.generation,
            last_attempt_id = answer.attempt_id,
            sealed_access = answer.sealed_access,
            sealed_refresh = answer.sealed_refresh,
            key_id = answer.key_id,
            granted_scopes = answer.scopes,
            access_expires_at = clock_timestamp() + make_interval(secs => answer.access_expires_in),
            refresh_expires_at = COALESCE(
                clock_timestamp() + make_interval(secs => answer.refresh_expires_in),
                refresh_expires_at),
            refresh_at = clock_timestamp() + make_interval(secs => answer.refresh_in),
            due_at = clock_timestamp() + make_interval(secs => answer.refresh_in),
            state = 'active',
            cause = NULL,
            state_since = CASE WHEN state = 'active' THEN state_since ELSE now() END,
            claim_seq = claim_seq + 1,
            lease_token = NULL,
            lease_until = NULL,
            unfinished_jobs = 0,
            failures = 0,
            last_success_at = now()
        FROM answer
        WHERE credential.integration_id = answer.integration_id
            AND credential.grant_id = answer.grant_id
            AND credential.generation = answer.stored
            AND state NOT IN ('revoking', 'revoked')
        RETURNING answer.attempt_id
    ), finished AS (
        UPDATE rotation_attempt
        SET state = 'committed', finished_at = clock_timestamp()
        FROM committed
        WHERE rotation_attempt.attempt_id = committed.attempt_id AND state IN ('sent', 'unknown')
    ), told AS (
        INSERT INTO outbox (id, subject, subject_id, payload, traceparent)
        SELECT DISTINCT ON (attempt_id) event_id, subject, subject_id, payload, traceparent
        FROM answer
        JOIN committed USING (attempt_id)
    )
    SELECT attempt_id
    FROM committed";

/// Puts a later generation where the revocation finds it: the provider may not know the old
/// refresh token any more. A credential that was shredded already is revoked once more.
pub(crate) async fn replace_revoking_pair(
    connection: &mut PgConnection,
    attempt_id: AttemptId,
    answer: &SealedAnswer,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET generation = $3,
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
             AND generation < $3
             AND state IN ('revoking', 'revoked')",
    )
    .bind(answer.integration_id.as_str())
    .bind(answer.grant_id.as_uuid())
    .bind(answer.generation)
    .bind(attempt_id.as_uuid())
    .bind(&answer.pair.access)
    .bind(&answer.pair.refresh)
    .bind(&answer.pair.key_id)
    .bind(answer.salt.as_bytes().as_slice())
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
    failure: &Failure,
    ruling: &Ruling,
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
             due_at = CASE WHEN $5::text IS NULL THEN GREATEST(
                 now() + make_interval(secs => $7),
                 CASE WHEN $8 THEN lease_until END) END,
             failures = failures + 1,
             claim_seq = claim_seq + 1,
             lease_token = CASE WHEN $8 THEN lease_token END,
             lease_until = CASE WHEN $8 THEN lease_until END,
             unfinished_jobs = 0
         FROM verdict
         WHERE credential.integration_id = verdict.integration_id
         RETURNING credential.state, credential.cause, verdict.old_state, verdict.old_cause",
    )
    .bind(lease.integration_id.as_str())
    .bind(lease.grant_id.as_uuid())
    .bind(lease.generation)
    .bind(lease.lease_token())
    .bind(ruling.end.map(State::as_str))
    .bind(ruling.cause.as_str())
    .bind(ruling.after.as_secs_f64())
    .bind(failure.keeps_lease)
    .fetch_optional(connection)
    .await
}

/// Makes a credential due that waits for a reconnect, and returns why it did; `None` when it does
/// not.
pub(crate) async fn revive(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "UPDATE credential
         SET state = 'refresh_failing', state_since = now(), due_at = now(),
             claim_seq = claim_seq + 1
         WHERE integration_id = $1 AND state = 'needs_reconnect'
         RETURNING cause",
    )
    .bind(integration_id.as_str())
    .fetch_optional(connection)
    .await
}
