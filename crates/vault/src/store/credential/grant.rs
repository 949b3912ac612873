//! Grants: what connecting reads and writes.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;
use workapi_keyring::Salt;
use workapi_types::{AttemptId, GrantId, IntegrationId, ProviderConfigId};

use crate::protocol::Stored;
use crate::sealing::SealedPair;
use crate::{Grant, SealedAnswer, State};

/// The token pair that is stored, and whose it is.
#[derive(Debug)]
pub(crate) struct PairRow {
    pub(crate) provider_config_id: ProviderConfigId,
    pub(crate) provider_subject: String,
    pub(crate) grant_id: GrantId,
    pub(crate) generation: i64,
    pub(crate) last_attempt_id: Option<AttemptId>,
    pub(crate) state: State,
    pub(crate) refresh_expired: bool,
    pub(crate) sealed_refresh: Option<Vec<u8>>,
    pub(crate) salt: Option<Salt>,
}

impl PairRow {
    /// Returns what the protocol asks about the pair.
    pub(crate) fn stored(&self) -> Stored {
        Stored {
            grant_id: self.grant_id,
            generation: self.generation,
            last_attempt_id: self.last_attempt_id,
            state: self.state,
        }
    }

    /// Returns whether the provider is believed to honour the refresh token of this pair.
    pub(crate) fn is_live(&self) -> bool {
        !self.refresh_expired
            && matches!(
                self.state,
                State::Active | State::RefreshFailing | State::NeedsOperator
            )
    }
}

impl sqlx::FromRow<'_, PgRow> for PairRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let state: String = row.try_get("state")?;
        let salt: Option<Vec<u8>> = row.try_get("salt")?;
        let last_attempt_id: Option<Uuid> = row.try_get("last_attempt_id")?;
        Ok(Self {
            provider_config_id: ProviderConfigId::from_uuid(row.try_get("provider_config_id")?),
            provider_subject: row.try_get("provider_subject")?,
            grant_id: GrantId::from_uuid(row.try_get("grant_id")?),
            generation: row.try_get("generation")?,
            last_attempt_id: last_attempt_id.map(AttemptId::from_uuid),
            state: State::parse(&state)
                .ok_or_else(|| sqlx::Error::Decode("unknown credential state".into()))?,
            refresh_expired: row.try_get("refresh_expired")?,
            sealed_refresh: row.try_get("sealed_refresh")?,
            salt: salt
                .map(|bytes| Salt::from_slice(&bytes))
                .transpose()
                .map_err(|error| sqlx::Error::Decode(error.into()))?,
        })
    }
}

/// Reads the stored pair and keeps others from changing it until the transaction ends.
pub(crate) async fn lock_pair(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
) -> Result<Option<PairRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT provider_config_id, provider_subject, grant_id, generation, last_attempt_id, state,
                COALESCE(refresh_expires_at <= clock_timestamp(), false) AS refresh_expired,
                sealed_refresh, salt
         FROM credential
         WHERE integration_id = $1
         FOR UPDATE",
    )
    .bind(integration_id.as_str())
    .fetch_optional(connection)
    .await
}

/// Writes a new grant; an older grant of the same account makes way for it, and a shredded one
/// of any account. A refresh token that goes on under the new grant keeps its end.
///
/// The salt is new with each grant, so that nothing of the old one can be opened any more.
pub(crate) async fn upsert_grant(
    connection: &mut PgConnection,
    answer: &SealedAnswer,
    pair: &SealedPair,
) -> Result<(), sqlx::Error> {
    let grant = &answer.grant;
    let deadlines = answer.deadlines_now();
    sqlx::query(UPSERT_GRANT)
        .bind(answer.integration_id.as_str())
        .bind(grant.user_id.as_str())
        .bind(grant.environment_guid.as_uuid())
        .bind(grant.provider.as_str())
        .bind(grant.provider_config_id.as_uuid())
        .bind(&grant.revocation_group)
        .bind(&grant.provider_subject)
        .bind(answer.grant_id.as_uuid())
        .bind(&pair.access)
        .bind(&pair.refresh)
        .bind(&pair.key_id)
        .bind(answer.salt.as_bytes().as_slice())
        .bind(grant.asked_scopes.to_string())
        .bind(&answer.scopes)
        .bind(deadlines.access_expires_in)
        .bind(deadlines.refresh_expires_in)
        .bind(deadlines.refresh_in)
        .bind(answer.has_new_refresh_token)
        .bind(answer.generation)
        .bind(deadlines.absolute_expires_in)
        .bind(answer.origin.attempt_id().map(AttemptId::as_uuid))
        .execute(connection)
        .await
        .map(drop)
}

const UPSERT_GRANT: &str = "
    INSERT INTO credential (
        integration_id, user_id, environment_guid, provider, provider_config_id,
        revocation_group, provider_subject, grant_id, generation, sealed_access,
        sealed_refresh, key_id, salt, asked_scopes, granted_scopes,
        access_expires_at, refresh_expires_at, refresh_at, state, due_at,
        absolute_expires_at, last_attempt_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $19, $9, $10, $11, $12, $13, $14,
            clock_timestamp() + make_interval(secs => $15),
            clock_timestamp() + make_interval(secs => $16),
            clock_timestamp() + make_interval(secs => $17),
            'active',
            CASE WHEN $10::bytea IS NULL THEN NULL
                 ELSE clock_timestamp() + make_interval(secs => $17) END,
            clock_timestamp() + make_interval(secs => $20),
            $21)
    ON CONFLICT (integration_id) DO UPDATE SET
        provider = EXCLUDED.provider,
        provider_config_id = EXCLUDED.provider_config_id,
        revocation_group = EXCLUDED.revocation_group,
        provider_subject = EXCLUDED.provider_subject,
        grant_id = EXCLUDED.grant_id,
        generation = EXCLUDED.generation,
        last_attempt_id = EXCLUDED.last_attempt_id,
        sealed_access = EXCLUDED.sealed_access,
        sealed_refresh = EXCLUDED.sealed_refresh,
        key_id = EXCLUDED.key_id,
        salt = EXCLUDED.salt,
        asked_scopes = EXCLUDED.asked_scopes,
        granted_scopes = EXCLUDED.granted_scopes,
        access_expires_at = EXCLUDED.access_expires_at,
        refresh_expires_at =
            CASE WHEN $18 THEN EXCLUDED.refresh_expires_at
                 ELSE COALESCE(EXCLUDED.refresh_expires_at, credential.refresh_expires_at)
            END,
        absolute_expires_at = EXCLUDED.absolute_expires_at,
        refresh_at = EXCLUDED.refresh_at,
        state = 'active',
        cause = NULL,
        state_since = now(),
        due_at = EXCLUDED.due_at,
        claim_seq = credential.claim_seq + 1,
        lease_token = NULL,
        lease_until = NULL,
        unfinished_jobs = 0,
        failures = 0,
        access_refused_generation = NULL,
        missing_since = NULL,
        connected_at = now(),
        last_success_at = now()
    WHERE (credential.provider_subject = EXCLUDED.provider_subject
           OR credential.state = 'revoked')
        AND credential.grant_id < EXCLUDED.grant_id";

/// Counts the grants of the same account to the same OAuth client that are stored and live.
pub(crate) async fn count_of_account(pool: &PgPool, grant: &Grant) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*)
         FROM credential
         JOIN provider_config ON provider_config.id = provider_config_id
         WHERE revocation_group = $1
             AND provider_subject = $2
             AND state IN ('active', 'refresh_failing', 'needs_operator')
             AND client_id = (SELECT client_id FROM provider_config WHERE id = $3)",
    )
    .bind(&grant.revocation_group)
    .bind(&grant.provider_subject)
    .bind(grant.provider_config_id.as_uuid())
    .fetch_one(pool)
    .await
}
