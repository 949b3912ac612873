//! Claims and leases: who may look at a credential, and who may send its token.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use workapi_proto::jobs::v1::CredentialJob;
use workapi_types::{GrantId, IntegrationId};

use crate::RotationLease;

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

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct LeasableRow {
    pub(crate) environment_guid: Uuid,
    pub(crate) provider: String,
    pub(crate) provider_config_id: Uuid,
    pub(crate) generation: i64,
    pub(crate) sealed_refresh: Vec<u8>,
    pub(crate) salt: Vec<u8>,
    pub(crate) granted_scopes: String,
    pub(crate) unfinished_jobs: i32,
    pub(crate) failures: i32,
}

/// Claims what is due. A claim that nobody acts on is due again after 30 seconds.
pub(crate) async fn claim_due(pool: &PgPool, limit: i64) -> Result<Vec<ClaimRow>, sqlx::Error> {
    sqlx::query_as(
        "WITH due AS (
             SELECT integration_id, due_at AS since
             FROM credential
             WHERE due_at <= now() AND state IN ('active', 'refresh_failing', 'revoking')
             ORDER BY due_at
             LIMIT $1
             FOR UPDATE SKIP LOCKED
         ), claimed AS (
             UPDATE credential
             SET due_at = now() + interval '30 seconds', claim_seq = claim_seq + 1
             FROM due
             WHERE credential.integration_id = due.integration_id
             RETURNING due.since, credential.integration_id, provider, grant_id, claim_seq, state,
                       traceparent
         )
         SELECT integration_id, provider, grant_id, claim_seq, state, traceparent
         FROM claimed
         ORDER BY since",
    )
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Locks the credential of a claim when it may be rotated now: the claim is the newest, the
/// state is live, and no lease is.
pub(crate) async fn lock_claimed(
    connection: &mut PgConnection,
    claim: &ClaimKey,
) -> Result<Option<LeasableRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT environment_guid, provider, provider_config_id, generation, sealed_refresh, salt,
                granted_scopes, unfinished_jobs, failures
         FROM credential
         WHERE integration_id = $1
             AND grant_id = $2
             AND claim_seq = $3
             AND state IN ('active', 'refresh_failing')
             AND sealed_refresh IS NOT NULL
             AND (lease_until IS NULL OR lease_until < clock_timestamp())
         FOR UPDATE",
    )
    .bind(claim.integration_id.as_str())
    .bind(claim.grant_id.as_uuid())
    .bind(claim.claim_seq)
    .fetch_optional(connection)
    .await
}

/// Writes the lease on a row that [`lock_claimed`] has locked.
pub(crate) async fn lease(
    connection: &mut PgConnection,
    claim: &ClaimKey,
    lease_token: Uuid,
    length: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET lease_token = $2,
             lease_until = clock_timestamp() + make_interval(secs => $3),
             unfinished_jobs = unfinished_jobs + 1
         WHERE integration_id = $1",
    )
    .bind(claim.integration_id.as_str())
    .bind(lease_token)
    .bind(length.as_secs_f64())
    .execute(connection)
    .await
    .map(drop)
}

/// Leaves a credential whose jobs die to an operator.
pub(crate) async fn give_up(
    connection: &mut PgConnection,
    claim: &ClaimKey,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET state = 'needs_operator', cause = 'internal', state_since = now(), due_at = NULL,
             lease_token = NULL, lease_until = NULL
         WHERE integration_id = $1",
    )
    .bind(claim.integration_id.as_str())
    .execute(connection)
    .await
    .map(drop)
}

/// Ends a lease under which nothing was sent.
pub(crate) async fn release(
    connection: &mut PgConnection,
    lease: &RotationLease,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET lease_token = NULL, lease_until = NULL, due_at = now(),
             unfinished_jobs = GREATEST(unfinished_jobs - 1, 0)
         WHERE integration_id = $1 AND lease_token = $2",
    )
    .bind(lease.integration_id.as_str())
    .bind(lease.lease_token())
    .execute(connection)
    .await
    .map(drop)
}
