//! Claims: which credentials are due, the most urgent first.

use sqlx::PgPool;
use workapi_types::ProviderName;

use super::ClaimRow;

/// A claimed refresh, with what decides whether it is needed.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct DueRefresh {
    #[sqlx(flatten)]
    pub(crate) claim: ClaimRow,
    pub(crate) generation: i64,
    pub(crate) is_settled: bool,
    pub(crate) unused: f64,
    pub(crate) since_success: f64,
    pub(crate) refresh_life: Option<f64>,
}

/// A claimed credential that nobody needs now; `None`: not before somebody uses it.
#[derive(Debug)]
pub(crate) struct Postponed {
    pub(crate) integration_id: String,
    pub(crate) claim_seq: i64,
    pub(crate) seconds: Option<f64>,
}

/// Claims up to so many refreshes of each provider, nearest expiry first. A claim that nobody
/// acts on is due again after 30 seconds.
///
/// Of each class of time left (`time_left_class`) the longest due are read, as many as there are
/// places, so that a claim costs the same whatever waits; of these, those that expire first get
/// the places. Credentials that are due after their token ran out failed before, or are only
/// kept alive: every fourth place is theirs, so that neither they nor the others starve.
pub(crate) async fn claim_refreshes(
    pool: &PgPool,
    providers: &[&ProviderName],
    places: &[i64],
) -> Result<Vec<DueRefresh>, sqlx::Error> {
    let providers: Vec<&str> = providers.iter().map(|name| name.as_str()).collect();
    sqlx::query_as(
        "WITH candidate AS (
             SELECT room.provider, room.places, class = 0 AS expired, due.integration_id,
                    CASE class WHEN 0 THEN due.due_at ELSE due.access_expires_at END AS urgency
             FROM unnest($1::text[], $2::bigint[]) AS room (provider, places)
             CROSS JOIN generate_series(0, 11) AS class
             CROSS JOIN LATERAL (
                 SELECT integration_id, access_expires_at, due_at
                 FROM credential
                 WHERE credential.provider = room.provider
                     AND time_left_class(due_at, access_expires_at) = class
                     AND due_at <= now()
                     AND state IN ('active', 'refresh_failing')
                 ORDER BY due_at
                 LIMIT room.places
             ) AS due
         ), placed AS (
             SELECT integration_id, provider, places, expired,
                    row_number() OVER (PARTITION BY provider, expired ORDER BY urgency)
                        * CASE WHEN expired THEN 3 ELSE 1 END AS place
             FROM candidate
         ), chosen AS (
             SELECT integration_id, places,
                    row_number() OVER (PARTITION BY provider ORDER BY place, expired) AS place
             FROM placed
         ), locked AS (
             SELECT credential.integration_id, chosen.place
             FROM chosen
             JOIN credential USING (integration_id)
             WHERE chosen.place <= chosen.places
                 AND due_at <= now()
                 AND state IN ('active', 'refresh_failing')
             FOR UPDATE OF credential SKIP LOCKED
         ), claimed AS (
             UPDATE credential
             SET due_at = now() + interval '30 seconds', claim_seq = claim_seq + 1
             FROM locked
             WHERE credential.integration_id = locked.integration_id
             RETURNING locked.place, credential.integration_id, provider, grant_id, claim_seq,
                 traceparent, generation, state,
                 state = 'active' AND failures = 0 AND unfinished_jobs = 0 AS is_settled,
                 extract(epoch FROM now() - GREATEST(connected_at, last_used_at))::float8 AS unused,
                 extract(epoch FROM now() - last_success_at)::float8 AS since_success,
                 extract(epoch FROM refresh_expires_at - last_success_at)::float8 AS refresh_life
         )
         SELECT integration_id, provider, grant_id, claim_seq, state, traceparent, generation,
                is_settled, unused, since_success, refresh_life
         FROM claimed
         ORDER BY place",
    )
    .bind(&providers)
    .bind(places)
    .fetch_all(pool)
    .await
}

/// Claims revocations, the longest due first. A claim that nobody acts on is due again after 30
/// seconds.
pub(crate) async fn claim_revocations(
    pool: &PgPool,
    limit: i64,
) -> Result<Vec<ClaimRow>, sqlx::Error> {
    sqlx::query_as(
        "WITH due AS (
             SELECT integration_id, due_at AS since
             FROM credential
             WHERE due_at <= now() AND state = 'revoking'
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

/// Puts claimed credentials off, each unless somebody has used it, made it due or claimed it since.
pub(crate) async fn put_off(pool: &PgPool, postponed: &[Postponed]) -> Result<(), sqlx::Error> {
    let ids: Vec<&str> = postponed
        .iter()
        .map(|put_off| put_off.integration_id.as_str())
        .collect();
    let claims: Vec<i64> = postponed.iter().map(|put_off| put_off.claim_seq).collect();
    let seconds: Vec<Option<f64>> = postponed.iter().map(|put_off| put_off.seconds).collect();
    sqlx::query(
        "UPDATE credential
         SET due_at = now() + make_interval(secs => put_off.seconds)
         FROM unnest($1::text[], $2::bigint[], $3::float8[])
             AS put_off (integration_id, claim_seq, seconds)
         WHERE credential.integration_id = put_off.integration_id
             AND credential.claim_seq = put_off.claim_seq
             AND credential.due_at > now()
             AND COALESCE(credential.last_used_at < now() - interval '1 minute', true)
             AND credential.state = 'active'",
    )
    .bind(&ids)
    .bind(&claims)
    .bind(&seconds)
    .execute(pool)
    .await
    .map(drop)
}
