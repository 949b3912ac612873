//! Table `credential`, as those see it who want an access token now.

use sqlx::PgPool;
use uuid::Uuid;
use workapi_types::{GrantId, IntegrationId};

use crate::store::credential::ClaimRow;

/// A credential, and how fresh it is by PostgreSQL's clock.
#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct StandingRow {
    pub(crate) grant_id: Uuid,
    pub(crate) generation: i64,
    pub(crate) state: String,
    pub(crate) cause: Option<String>,
    pub(crate) sealed_access: Option<Vec<u8>>,
    pub(crate) salt: Option<Vec<u8>>,
    /// Seconds from now; negative: the access token has run out.
    pub(crate) expires_in: f64,
    /// Seconds from its commit to its end.
    pub(crate) life: f64,
    pub(crate) is_refused: bool,
    pub(crate) is_refreshable: bool,
    pub(crate) is_leased: bool,
    /// Seconds until a credential that failed is tried again.
    pub(crate) backs_off_for: Option<f64>,
    /// Whether its last use was noted more than a minute ago.
    pub(crate) is_use_due: bool,
}

/// A claim that nobody had to wait for, with the generation that it found.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct ClaimNowRow {
    #[sqlx(flatten)]
    pub(crate) claim: ClaimRow,
    pub(crate) generation: i64,
}

/// Reads one row by its primary key, which is all that the good case costs.
pub(crate) async fn read(
    pool: &PgPool,
    integration_id: &IntegrationId,
) -> Result<Option<StandingRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT grant_id, generation, state, cause, sealed_access, salt,
                extract(epoch FROM access_expires_at - clock_timestamp())::float8 AS expires_in,
                extract(epoch FROM access_expires_at - last_success_at)::float8 AS life,
                access_refused_generation IS NOT DISTINCT FROM generation AS is_refused,
                is_refreshable,
                -- A lease that outlives its failed attempt only keeps others away: the next look
                -- comes after it. Nobody is at work under it.
                COALESCE(lease_until > clock_timestamp()
                         AND NOT (failures > 0 AND due_at >= lease_until), false) AS is_leased,
                CASE WHEN failures > 0 AND due_at > clock_timestamp()
                     THEN extract(epoch FROM due_at - clock_timestamp())::float8
                END AS backs_off_for,
                COALESCE(last_used_at < now() - interval '1 minute', true) AS is_use_due
         FROM credential
         WHERE integration_id = $1",
    )
    .bind(integration_id.as_str())
    .fetch_optional(pool)
    .await
}

/// Makes a generation due at once, for the schedulers. Not while somebody has it, and not
/// before its time when it failed.
pub(crate) async fn make_due(
    pool: &PgPool,
    integration_id: &IntegrationId,
    grant_id: GrantId,
    generation: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET due_at = now()
         WHERE integration_id = $1
             AND grant_id = $2
             AND generation = $3
             AND state IN ('active', 'refresh_failing')
             AND is_refreshable
             AND failures = 0
             AND (due_at IS NULL OR due_at > now())
             AND (lease_until IS NULL OR lease_until < clock_timestamp())",
    )
    .bind(integration_id.as_str())
    .bind(grant_id.as_uuid())
    .bind(generation)
    .execute(pool)
    .await
    .map(drop)
}

/// Notes that the access token of a generation was refused, and makes it due; once a generation,
/// and not when that of the generation before was refused, too: a refresh did not help.
pub(crate) async fn note_refusal(
    pool: &PgPool,
    integration_id: &IntegrationId,
    grant_id: GrantId,
    generation: i64,
) -> Result<bool, sqlx::Error> {
    let noted = sqlx::query(
        "UPDATE credential
         SET access_refused_generation = generation,
             due_at = CASE WHEN state IN ('active', 'refresh_failing') AND is_refreshable
                                AND failures = 0
                           THEN LEAST(due_at, now())
                           ELSE due_at END
         WHERE integration_id = $1
             AND grant_id = $2
             AND generation = $3
             AND COALESCE(access_refused_generation < generation - 1, true)",
    )
    .bind(integration_id.as_str())
    .bind(grant_id.as_uuid())
    .bind(generation)
    .execute(pool)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Notes that credentials are in use, and has those refreshed ahead again that were only kept
/// alive. A due time within 30 seconds may be a claim's, and a failed one its back-off: neither is
/// touched. Rows that are locked are passed over; their next use is noted.
pub(crate) async fn note_uses(
    pool: &PgPool,
    integration_ids: &[IntegrationId],
) -> Result<u64, sqlx::Error> {
    let ids: Vec<&str> = integration_ids.iter().map(IntegrationId::as_str).collect();
    let noted = sqlx::query(
        "WITH used AS (
             SELECT integration_id
             FROM credential
             WHERE integration_id = ANY ($1)
                 AND COALESCE(last_used_at < now() - interval '1 minute', true)
             FOR UPDATE SKIP LOCKED
         )
         UPDATE credential
         SET last_used_at = now(),
             due_at = CASE WHEN state IN ('active', 'refresh_failing') AND is_refreshable
                                AND failures = 0
                                AND COALESCE(due_at > now() + interval '30 seconds', true)
                           THEN LEAST(due_at, refresh_at)
                           ELSE due_at END
         FROM used
         WHERE credential.integration_id = used.integration_id",
    )
    .bind(&ids)
    .execute(pool)
    .await?;
    Ok(noted.rows_affected())
}

/// Claims one credential whose access token is in the second half of its life, or was refused.
/// Not while somebody has it, and not before its time when it failed.
pub(crate) async fn claim_now(
    pool: &PgPool,
    integration_id: &IntegrationId,
) -> Result<Option<ClaimNowRow>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE credential
         SET due_at = now() + interval '30 seconds', claim_seq = claim_seq + 1
         WHERE integration_id = $1
             AND state IN ('active', 'refresh_failing')
             AND is_refreshable
             AND (lease_until IS NULL OR lease_until < clock_timestamp())
             AND (failures = 0 OR due_at <= clock_timestamp())
             AND ((access_expires_at - clock_timestamp()) * 2 < access_expires_at - last_success_at
                  OR access_refused_generation = generation)
         RETURNING integration_id, provider, grant_id, claim_seq, state, traceparent, generation",
    )
    .bind(integration_id.as_str())
    .fetch_optional(pool)
    .await
}
