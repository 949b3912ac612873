//! The end of a credential: revoking at the provider, then shredding.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;
use workapi_types::IntegrationId;

use crate::RevocationLease;
use crate::store::credential::ClaimKey;

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct RevocableRow {
    pub(crate) user_id: String,
    pub(crate) provider: String,
    pub(crate) provider_config_id: Uuid,
    pub(crate) revocation_group: String,
    pub(crate) provider_subject: String,
    pub(crate) generation: i64,
    pub(crate) sealed_access: Option<Vec<u8>>,
    pub(crate) sealed_refresh: Option<Vec<u8>>,
    pub(crate) salt: Option<Vec<u8>>,
    pub(crate) failures: i32,
    pub(crate) unfinished_jobs: i32,
    pub(crate) out_of_time: bool,
}

/// A credential that has just been shredded.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Revoked {
    pub(crate) integration_id: String,
    pub(crate) environment_guid: Uuid,
    pub(crate) provider: String,
}

/// Makes a credential unusable, to be revoked from now on; one that ended already stays so.
pub(crate) async fn begin_revoking(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
    traceparent: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET state = 'revoking', cause = NULL, state_since = now(), due_at = now(),
             revoke_until = now() + interval '24 hours', claim_seq = claim_seq + 1,
             unfinished_jobs = 0, failures = 0, traceparent = $2
         WHERE integration_id = $1 AND state NOT IN ('revoking', 'revoked')",
    )
    .bind(integration_id.as_str())
    .bind(traceparent)
    .execute(connection)
    .await
    .map(drop)
}

/// Leases a credential for its revocation. A refresh in flight is waited for: its answer may
/// be the only token that the provider still knows.
pub(crate) async fn lease_revocation(
    connection: &mut PgConnection,
    claim: &ClaimKey,
    lease_token: Uuid,
    length: Duration,
) -> Result<Option<RevocableRow>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE credential
         SET lease_token = $4,
             lease_until = clock_timestamp() + make_interval(secs => $5),
             unfinished_jobs = unfinished_jobs + 1
         WHERE integration_id = $1
             AND grant_id = $2
             AND claim_seq = $3
             AND state = 'revoking'
             AND (lease_until IS NULL OR lease_until < clock_timestamp())
         RETURNING user_id, provider, provider_config_id, revocation_group,
                   provider_subject, generation, sealed_access, sealed_refresh, salt, failures,
                   unfinished_jobs - 1 AS unfinished_jobs,
                   COALESCE(revoke_until <= now(), false) AS out_of_time",
    )
    .bind(claim.integration_id.as_str())
    .bind(claim.grant_id.as_uuid())
    .bind(claim.claim_seq)
    .bind(lease_token)
    .bind(length.as_secs_f64())
    .fetch_optional(connection)
    .await
}

/// Leaves a revocation whose jobs die until its time is over: then it is not sent any more, and the
/// tokens are shredded. An operator may make it due before.
pub(crate) async fn park_revocation(
    connection: &mut PgConnection,
    claim: &ClaimKey,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET due_at = revoke_until, claim_seq = claim_seq + 1, lease_token = NULL,
             lease_until = NULL, unfinished_jobs = unfinished_jobs - 1
         WHERE integration_id = $1",
    )
    .bind(claim.integration_id.as_str())
    .execute(connection)
    .await
    .map(drop)
}

/// Returns whether another integration still lives on the same account and client group.
pub(crate) async fn has_live_sibling(
    connection: &mut PgConnection,
    lease: &RevocationLease,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (
             SELECT 1
             FROM credential
             WHERE revocation_group = $1
                 AND provider_subject = $2
                 AND integration_id <> $3
                 AND state IN ('active', 'refresh_failing', 'needs_operator')
         )",
    )
    .bind(&lease.revocation_group)
    .bind(&lease.provider_subject)
    .bind(lease.integration_id.as_str())
    .fetch_one(connection)
    .await
}

/// Returns whether the credential still waits for its revocation under this lease.
pub(crate) async fn is_revoking(
    connection: &mut PgConnection,
    lease: &RevocationLease,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (
             SELECT 1
             FROM credential
             WHERE integration_id = $1 AND lease_token = $2 AND state = 'revoking'
         )",
    )
    .bind(lease.integration_id.as_str())
    .bind(lease.lease_token())
    .fetch_one(connection)
    .await
}

/// Shreds one credential. Nothing happens when a newer token arrived meanwhile.
pub(crate) async fn finish_one(
    connection: &mut PgConnection,
    lease: &RevocationLease,
) -> Result<Vec<Revoked>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE credential
         SET state = 'revoked', state_since = now(), sealed_access = NULL, sealed_refresh = NULL,
             key_id = NULL, salt = NULL, due_at = NULL, lease_token = NULL, lease_until = NULL
         WHERE integration_id = $1 AND lease_token = $2 AND state = 'revoking'
         RETURNING integration_id, environment_guid, provider",
    )
    .bind(lease.integration_id.as_str())
    .bind(lease.lease_token())
    .fetch_all(connection)
    .await
}

/// Shreds every credential of the account that waits for a revocation: one call to the
/// provider reached them all.
pub(crate) async fn finish_account(
    connection: &mut PgConnection,
    lease: &RevocationLease,
) -> Result<Vec<Revoked>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE credential
         SET state = 'revoked', state_since = now(), sealed_access = NULL, sealed_refresh = NULL,
             key_id = NULL, salt = NULL, due_at = NULL, lease_token = NULL, lease_until = NULL
         WHERE revocation_group = $1 AND provider_subject = $2 AND state = 'revoking'
         RETURNING integration_id, environment_guid, provider",
    )
    .bind(&lease.revocation_group)
    .bind(&lease.provider_subject)
    .fetch_all(connection)
    .await
}

/// Ends a lease after which the provider is to be asked again.
pub(crate) async fn retry_revocation(
    connection: &mut PgConnection,
    lease: &RevocationLease,
    after: Duration,
    failed: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET due_at = now() + make_interval(secs => $3), lease_token = NULL, lease_until = NULL,
             claim_seq = claim_seq + 1, unfinished_jobs = 0, failures = failures + $4
         WHERE integration_id = $1 AND lease_token = $2 AND state = 'revoking'",
    )
    .bind(lease.integration_id.as_str())
    .bind(lease.lease_token())
    .bind(after.as_secs_f64())
    .bind(i32::from(failed))
    .execute(connection)
    .await
    .map(drop)
}
