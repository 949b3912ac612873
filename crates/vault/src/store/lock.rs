//! Advisory locks, for what has no row to lock yet. They end with the transaction.

use sqlx::PgConnection;
use workapi_types::{EnvironmentGuid, IntegrationId, ProviderConfigId, ProviderName};

/// Makes connecting and deleting one integration take turns.
pub(crate) async fn integration(
    connection: &mut PgConnection,
    integration_id: &IntegrationId,
) -> Result<(), sqlx::Error> {
    acquire(connection, &format!("integration {integration_id}")).await
}

/// Makes settings of the OAuth client of one environment at one provider take turns.
pub(crate) async fn client(
    connection: &mut PgConnection,
    environment: EnvironmentGuid,
    provider: &ProviderName,
) -> Result<(), sqlx::Error> {
    acquire(connection, &format!("client {environment} {provider}")).await
}

/// Makes everything take turns that opens or closes the breaker of a config, or probes.
pub(crate) async fn breaker(
    connection: &mut PgConnection,
    config: ProviderConfigId,
) -> Result<(), sqlx::Error> {
    acquire(connection, &format!("breaker {config}")).await
}

/// Makes everything take turns that decides whether a provider account is still in use.
pub(crate) async fn account(
    connection: &mut PgConnection,
    revocation_group: &str,
    provider_subject: &str,
) -> Result<(), sqlx::Error> {
    acquire(
        connection,
        &format!("account {revocation_group} {provider_subject}"),
    )
    .await
}

/// Makes the repair of a restored vault the business of one replica; returns whether of this one.
pub(crate) async fn try_repair(
    connection: &mut PgConnection,
    part: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("repair {part}"))
        .fetch_one(connection)
        .await
}

async fn acquire(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(name)
        .execute(connection)
        .await
        .map(drop)
}
