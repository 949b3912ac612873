//! The sealed keys that sign user tokens.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use sqlx::{PgConnection, PgExecutor};

use super::Error;
use crate::tokens::SealedSigningKey;

/// Serialises the making of the first key: the ASCII codes of `WAPI-KEY`.
const CREATION_LOCK: i64 = 0x5741_5049_2d4b_4559;

/// Waits until no other transaction is making a key, and keeps others out until this one ends.
pub(crate) async fn lock_creation(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(CREATION_LOCK)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the keys whose tokens may still be valid, newest first.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    token_lifetime: Duration,
) -> Result<Vec<SealedSigningKey>, Error> {
    let token_lifetime = PgInterval::try_from(token_lifetime).map_err(sqlx::Error::Encode)?;
    let keys = sqlx::query_as(
        "SELECT kid, public_key, salt, sealed_private_key, retired_at
         FROM signing_key
         WHERE retired_at IS NULL OR retired_at > now() - $1
         ORDER BY created_at DESC, kid",
    )
    .bind(token_lifetime)
    .fetch_all(executor)
    .await?;
    Ok(keys)
}

/// Stores a key.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    key: &SealedSigningKey,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO signing_key (kid, public_key, salt, sealed_private_key)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(&key.kid)
    .bind(&key.public_key)
    .bind(&key.salt)
    .bind(&key.sealed_private_key)
    .execute(connection)
    .await?;
    Ok(())
}
