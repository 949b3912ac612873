//! Pages of credentials.

use sqlx::types::time::OffsetDateTime;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;
use workapi_types::{EnvironmentGuid, IntegrationId, ProviderName};

use crate::{CredentialFilter, State};

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct ListedRow {
    pub(crate) integration_id: String,
    pub(crate) environment_guid: Uuid,
    pub(crate) provider: String,
    pub(crate) state: String,
    pub(crate) cause: Option<String>,
    pub(crate) state_since: OffsetDateTime,
    pub(crate) last_success_at: OffsetDateTime,
    pub(crate) access_expires_at: OffsetDateTime,
}

/// Reads a page. The statement holds the conditions that are asked for and no others, so that
/// PostgreSQL sees which index serves them: `credential_unwell` for states and causes,
/// `credential_provider_config` for few clients, the primary key for everything that is frequent.
pub(crate) async fn list(
    pool: &PgPool,
    filter: &CredentialFilter,
    after: Option<&IntegrationId>,
    limit: i64,
) -> Result<Vec<ListedRow>, sqlx::Error> {
    let mut query = QueryBuilder::new(
        "SELECT integration_id, environment_guid, provider, state, cause, state_since,
                last_success_at, access_expires_at
         FROM credential
         WHERE integration_id > ",
    );
    query.push_bind(after.map_or("", IntegrationId::as_str));
    push_state(&mut query, filter);
    if filter.provider.is_some() || filter.environment_guid.is_some() {
        let clients = clients(pool, filter).await?;
        query.push(" AND provider_config_id = ANY (");
        query.push_bind(clients).push(")");
    }
    query
        .push(" ORDER BY integration_id LIMIT ")
        .push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

fn push_state(query: &mut QueryBuilder<Postgres>, filter: &CredentialFilter) {
    match filter.state {
        Some(state) => query.push(" AND state = ").push_bind(state.as_str()),
        None => query.push(" AND state <> 'revoked'"),
    };
    if let Some(cause) = filter.cause {
        query.push(" AND cause = ").push_bind(cause.as_str());
    }
    // Said again as the index says it: from a parameter alone nobody could tell.
    if filter.cause.is_some() || filter.state.is_some_and(|state| state != State::Active) {
        query.push(" AND state <> 'active'");
    }
}

/// Reads which clients are asked for. It is a statement of its own, because PostgreSQL knows how many
/// credentials a client has, but not how many an environment or a provider.
async fn clients(pool: &PgPool, filter: &CredentialFilter) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT id
         FROM provider_config
         WHERE ($1::text IS NULL OR provider = $1)
             AND ($2::uuid IS NULL OR environment_guid = $2)",
    )
    .bind(filter.provider.as_ref().map(ProviderName::as_str))
    .bind(filter.environment_guid.map(EnvironmentGuid::as_uuid))
    .fetch_all(pool)
    .await
}
