//! Claims and leases: who may look at a credential, and who may send its token.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use workapi_proto::jobs::v1::CredentialJob;
use workapi_types::{AttemptId, GrantId, IntegrationId};

use crate::RotationLease;
use crate::store::credential::DescriptionRow;

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct ClaimRow {
    pub(crate) integration_id: String,
    pub(crate) provider: String,
    pub(crate) grant_id: Uuid,
    pub(crate) claim_seq: i64,
    pub(crate) state: String,
    pub(crate) traceparent: Option<String>,
}

/// The claim that a job was made for.
#[derive(Clone, Debug)]
pub(crate) struct ClaimKey {
    pub(crate) integration_id: IntegrationId,
    pub(crate) grant_id: GrantId,
    pub(crate) claim_seq: i64,
}

impl ClaimKey {
    /// Reads a job; `None` when it names nothing that could be claimed.
    pub(crate) fn of(job: &CredentialJob) -> Option<Self> {
        Some(Self {
            integration_id: job.integration_id.parse().ok()?,
            grant_id: job.grant_id.parse().ok()?,
            claim_seq: job.claim_seq,
        })
    }
}

/// A lease that is asked for, with the attempt that it is for.
#[derive(Clone, Debug)]
pub(crate) struct AskedLease {
    pub(crate) claim: ClaimKey,
    pub(crate) lease_token: Uuid,
    pub(crate) attempt_id: AttemptId,
    pub(crate) length: Duration,
}

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct LeasedRow {
    pub(crate) attempt_id: Uuid,
    #[sqlx(flatten)]
    pub(crate) grant: DescriptionRow,
    pub(crate) generation: i64,
    pub(crate) sealed_refresh: Vec<u8>,
    pub(crate) salt: Vec<u8>,
    pub(crate) granted_scopes: String,
    pub(crate) unfinished_jobs: i32,
    pub(crate) failures: i32,
    /// The life that the access token has left, in seconds.
    pub(crate) access_left: f64,
    /// How long ago the first attempt at this generation was sent whose outcome is not known, in
    /// seconds.
    pub(crate) unresolved_for: Option<f64>,
    pub(crate) past_absolute_end: bool,
    /// How long ago the grant was made or refreshed, in seconds.
    pub(crate) since_success: f64,
}

/// Leases the credentials of claims that may be rotated now, and records the attempts. A claim is
/// passed over when it is not the newest, when the state is not live, and while a lease is.
pub(crate) async fn lease_all(
    pool: &PgPool,
    asked: &[AskedLease],
) -> Result<Vec<LeasedRow>, sqlx::Error> {
    let column = |of: fn(&AskedLease) -> Uuid| asked.iter().map(of).collect::<Vec<_>>();
    let integrations: Vec<&str> = asked
        .iter()
        .map(|lease| lease.claim.integration_id.as_str())
        .collect();
    let claims: Vec<i64> = asked.iter().map(|lease| lease.claim.claim_seq).collect();
    let lengths: Vec<f64> = asked
        .iter()
        .map(|lease| lease.length.as_secs_f64())
        .collect();
    sqlx::query_as(LEASE_ALL)
        .bind(integrations)
        .bind(column(|lease| lease.claim.grant_id.as_uuid()))
        .bind(claims)
        .bind(column(|lease| lease.lease_token))
        .bind(column(|lease| lease.attempt_id.as_uuid()))
        .bind(lengths)
        .fetch_all(pool)
        .await
}

/// The order of the locks is the same for all, so that two batches do not wait for each other.
const LEASE_ALL: &str = "
    WITH asked AS (
        SELECT integration_id, grant_id, claim_seq, lease_token, attempt_id, length
        FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::uuid[], $5::uuid[], $6::float8[])
            AS asked (integration_id, grant_id, claim_seq, lease_token, attempt_id, length)
    ), locked AS (
        SELECT asked.integration_id, asked.lease_token, asked.attempt_id, asked.length
        FROM credential
        JOIN asked ON credential.integration_id = asked.integration_id
        WHERE credential.grant_id = asked.grant_id
            AND credential.claim_seq = asked.claim_seq
            AND state IN ('active', 'refresh_failing')
            AND sealed_refresh IS NOT NULL
            AND (lease_until IS NULL OR lease_until < clock_timestamp())
        ORDER BY credential.integration_id
        FOR UPDATE OF credential
    ), leased AS (
        UPDATE credential
        SET lease_token = locked.lease_token,
            lease_until = clock_timestamp() + make_interval(secs => locked.length),
            unfinished_jobs = unfinished_jobs + 1
        FROM locked
        WHERE credential.integration_id = locked.integration_id
        RETURNING locked.attempt_id, credential.integration_id, user_id, environment_guid, provider,
                  provider_config_id, revocation_group, provider_subject, asked_scopes, grant_id,
                  generation, sealed_refresh, salt, granted_scopes, unfinished_jobs, failures,
                  access_expires_at, access_refused_generation, last_success_at,
                  COALESCE(LEAST(absolute_expires_at, refresh_expires_at) <= clock_timestamp(),
                           false) AS past_absolute_end
    ), attempted AS (
        INSERT INTO rotation_attempt (attempt_id, integration_id, grant_id, generation, state)
        SELECT attempt_id, integration_id, grant_id, generation, 'sent'
        FROM leased
    )
    SELECT attempt_id, user_id, environment_guid, provider, provider_config_id, revocation_group,
           provider_subject, asked_scopes, generation, sealed_refresh, salt, granted_scopes,
           unfinished_jobs, failures, past_absolute_end,
           extract(epoch FROM clock_timestamp() - last_success_at)::float8 AS since_success,
           CASE WHEN access_refused_generation = generation THEN 0
                ELSE extract(epoch FROM access_expires_at - clock_timestamp())::float8
           END AS access_left,
           (SELECT extract(epoch FROM clock_timestamp() - min(earlier.sent_at))::float8
            FROM rotation_attempt earlier
            WHERE earlier.integration_id = leased.integration_id
                AND earlier.grant_id = leased.grant_id
                AND earlier.generation = leased.generation
                AND earlier.state IN ('sent', 'unknown')) AS unresolved_for
    FROM leased";

/// Leaves a credential whose jobs die to an operator. Returns whether the lease was still there.
pub(crate) async fn give_up(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
    lease_token: Uuid,
) -> Result<bool, sqlx::Error> {
    let given_up = sqlx::query(
        "UPDATE credential
         SET state = 'needs_operator', cause = 'internal', state_since = now(), due_at = NULL,
             lease_token = NULL, lease_until = NULL, unfinished_jobs = unfinished_jobs - 1
         WHERE integration_id = $1 AND lease_token = $2",
    )
    .bind(integration_id.as_str())
    .bind(lease_token)
    .execute(connection)
    .await?;
    Ok(given_up.rows_affected() == 1)
}

/// Makes a lease last for its whole length again, from now on, if it is still ours and the token pair
/// still the one that was leased. Returns whether it is.
pub(crate) async fn renew(
    connection: &mut PgConnection,
    lease: &RotationLease,
) -> Result<bool, sqlx::Error> {
    let renewed = sqlx::query(
        "UPDATE credential
         SET lease_until = clock_timestamp() + make_interval(secs => $5)
         WHERE integration_id = $1 AND grant_id = $2 AND generation = $3 AND lease_token = $4
             AND state IN ('active', 'refresh_failing')",
    )
    .bind(lease.integration_id.as_str())
    .bind(lease.grant_id.as_uuid())
    .bind(lease.generation)
    .bind(lease.lease_token())
    .bind(lease.length().as_secs_f64())
    .execute(connection)
    .await?;
    Ok(renewed.rows_affected() == 1)
}
