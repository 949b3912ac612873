//! Table `provider_breaker`.

use std::time::Duration;

use sqlx::types::time::OffsetDateTime;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use workapi_types::ProviderConfigId;

/// How the credentials whose client was refused, and nothing after it accepted, lie among those
/// of their config.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub(crate) struct Spread {
    /// How many were refused, and the first and last of their subjects.
    pub(crate) refused: i64,
    pub(crate) first_refused: Option<String>,
    pub(crate) last_refused: Option<String>,
    /// How many there are, counted to 3, and the first and last of their subjects.
    pub(crate) live: i64,
    pub(crate) first_live: Option<String>,
    pub(crate) last_live: Option<String>,
}

/// A client that was refused lately, or whose breaker is open.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct SuspectRow {
    pub(crate) provider_config_id: Uuid,
    pub(crate) environment_guid: Uuid,
    pub(crate) provider: String,
    pub(crate) client_id: String,
    pub(crate) open: bool,
}

pub(crate) async fn spread(
    connection: &mut PgConnection,
    config: ProviderConfigId,
) -> Result<Spread, sqlx::Error> {
    sqlx::query_as(
        "WITH refused AS (
             SELECT count(*) AS refused,
                    min(provider_subject COLLATE \"C\") AS first_refused,
                    max(provider_subject COLLATE \"C\") AS last_refused
             FROM rejection
             JOIN credential USING (integration_id, provider_config_id, grant_id, generation)
             WHERE provider_config_id = $1
                 AND rejection.cause = 'operator_config'
                 AND unrefuted
                 AND state IN ('active', 'refresh_failing')
         )
         SELECT refused, first_refused, last_refused,
                (SELECT count(*)
                 FROM (SELECT
                       FROM credential
                       WHERE provider_config_id = $1 AND state IN ('active', 'refresh_failing')
                       LIMIT 3) AS few) AS live,
                (SELECT min(provider_subject COLLATE \"C\")
                 FROM credential
                 WHERE provider_config_id = $1 AND state IN ('active', 'refresh_failing'))
                 AS first_live,
                (SELECT max(provider_subject COLLATE \"C\")
                 FROM credential
                 WHERE provider_config_id = $1 AND state IN ('active', 'refresh_failing'))
                 AS last_live
         FROM refused",
    )
    .bind(config.as_uuid())
    .fetch_one(connection)
    .await
}

/// Opens a breaker that is closed; the first probe may be sent after 30 seconds.
pub(crate) async fn open(
    connection: &mut PgConnection,
    config: ProviderConfigId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO provider_breaker (provider_config_id, probe_at, config_updated_at)
         SELECT id, clock_timestamp() + interval '30 seconds', updated_at
         FROM provider_config
         WHERE id = $1",
    )
    .bind(config.as_uuid())
    .execute(connection)
    .await
    .map(drop)
}

/// Returns the seconds until the next probe of an open breaker; 0 when it is due.
pub(crate) async fn seconds_to_probe(
    connection: &mut PgConnection,
    config: ProviderConfigId,
) -> Result<Option<f64>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT GREATEST(extract(epoch FROM probe_at - clock_timestamp()), 0)::float8
         FROM provider_breaker
         WHERE provider_config_id = $1",
    )
    .bind(config.as_uuid())
    .fetch_optional(connection)
    .await
}

/// Notes that a probe begins. The next waits twice as long as this one did, up to a quarter of
/// an hour, and at least until this one's lease is over.
pub(crate) async fn begin_probe(
    connection: &mut PgConnection,
    config: ProviderConfigId,
    lease: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE provider_breaker
         SET probe_at = clock_timestamp() + make_interval(
                 secs => GREATEST($2, LEAST(60 * power(2, LEAST(probes, 10)), 900))),
             probes = probes + 1
         WHERE provider_config_id = $1",
    )
    .bind(config.as_uuid())
    .bind(lease.as_secs_f64())
    .execute(connection)
    .await
    .map(drop)
}

/// Closes a breaker that was open when a call which began `ago` was sent, and returns since when
/// it was.
pub(crate) async fn close(
    connection: &mut PgConnection,
    config: ProviderConfigId,
    ago: Duration,
) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar(
        "DELETE FROM provider_breaker
         WHERE provider_config_id = $1
             AND opened_at < clock_timestamp() - make_interval(secs => $2)
         RETURNING opened_at",
    )
    .bind(config.as_uuid())
    .bind(ago.as_secs_f64())
    .fetch_optional(connection)
    .await
}

/// Brings back what waits for a probe that need not be made any more, within half a minute. What
/// somebody else is writing comes back when it would have.
pub(crate) async fn bring_back(
    connection: &mut PgConnection,
    config: ProviderConfigId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE credential
         SET due_at = now() + random() * interval '30 seconds'
         WHERE integration_id IN (
             SELECT integration_id
             FROM credential
             WHERE provider_config_id = $1
                 AND state IN ('active', 'refresh_failing')
                 AND refresh_at <= now()
                 AND due_at BETWEEN now() + interval '30 seconds' AND now() + interval '20 minutes'
             FOR UPDATE SKIP LOCKED
         )",
    )
    .bind(config.as_uuid())
    .execute(connection)
    .await
    .map(drop)
}

/// Lets the configs that were changed while their breakers were open be tried at once, each with
/// the credential that succeeded last.
pub(crate) async fn try_changed(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH changed AS (
             UPDATE provider_breaker
             SET probe_at = clock_timestamp(), probes = 0, config_updated_at = updated_at
             FROM provider_config
             WHERE id = provider_config_id AND updated_at > config_updated_at
             RETURNING provider_config_id
         )
         UPDATE credential
         SET due_at = now()
         WHERE integration_id IN (
             SELECT newest.integration_id
             FROM changed
             CROSS JOIN LATERAL (
                 SELECT integration_id
                 FROM credential
                 WHERE credential.provider_config_id = changed.provider_config_id
                     AND state IN ('active', 'refresh_failing')
                     AND lease_token IS NULL
                 ORDER BY last_success_at DESC
                 LIMIT 1
             ) AS newest
         )",
    )
    .execute(pool)
    .await
    .map(drop)
}

pub(crate) async fn suspects(pool: &PgPool) -> Result<Vec<SuspectRow>, sqlx::Error> {
    sqlx::query_as(
        "WITH suspect AS (
             SELECT provider_config_id, true AS open
             FROM provider_breaker
             UNION ALL
             SELECT provider_config_id, false
             FROM rejection
             WHERE cause = 'operator_config' AND unrefuted
         )
         SELECT provider_config_id, environment_guid, provider, client_id, bool_or(open) AS open
         FROM suspect
         JOIN provider_config ON id = provider_config_id
         GROUP BY provider_config_id, environment_guid, provider, client_id",
    )
    .fetch_all(pool)
    .await
}

pub(crate) async fn is_open(pool: &PgPool, config: ProviderConfigId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (
             SELECT
             FROM provider_breaker
             WHERE provider_config_id = $1
         )",
    )
    .bind(config.as_uuid())
    .fetch_one(pool)
    .await
}
