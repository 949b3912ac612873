//! Pages of credentials.

use sqlx::types::time::OffsetDateTime;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;
use workapi_types::IntegrationId;

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
/// `credential_provider_config` for providers and environments, the primary key for the rest.
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
    push_client(&mut query, filter);
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

fn push_client(query: &mut QueryBuilder<Postgres>, filter: &CredentialFilter) {
    if filter.provider.is_none() && filter.environment_guid.is_none() {
        return;
    }
    query.push(" AND provider_config_id IN (SELECT id FROM provider_config WHERE true");
    if let Some(provider) = &filter.provider {
        query.push(" AND provider = ").push_bind(provider.as_str());
    }
    if let Some(environment) = filter.environment_guid {
        let environment = environment.as_uuid();
        query
            .push(" AND environment_guid = ")
            .push_bind(environment);
    }
    query.push(")");
}
