//! The keys that sign user tokens: made at the first start, opened at every start.

use std::time::Duration;

use workapi_keyring::KeyRing;
use workapi_postgres::Database;

use crate::store::{self, Transaction};
use crate::tokens::{self, SealedSigningKey, SigningKey};

/// Why there are no keys to sign user tokens with.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// They could not be read or stored.
    #[error("failed to load the keys that sign user tokens")]
    Store(#[from] store::Error),
    /// One could not be made or opened.
    #[error(transparent)]
    Key(#[from] tokens::SigningKeyError),
}

/// Returns the keys whose tokens may still be valid, newest first. Makes one when none is left
/// that signs; of replicas that start at once, one makes it and the others find it.
pub(crate) async fn signing_keys(
    database: &Database,
    ring: &KeyRing,
    token_lifetime: Duration,
) -> Result<Vec<SigningKey>, SigningKeysError> {
    let mut transaction = Transaction::begin(database).await?;
    let mut sealed = store::signing_keys::list(transaction.connection(), token_lifetime).await?;
    if !has_signer(&sealed) {
        store::signing_keys::lock_creation(transaction.connection()).await?;
        sealed = store::signing_keys::list(transaction.connection(), token_lifetime).await?;
    }
    if !has_signer(&sealed) {
        let key = SealedSigningKey::generate(ring)?;
        store::signing_keys::insert(transaction.connection(), &key).await?;
        tracing::info!(kid = key.kid, "made a key that signs user tokens");
        sealed.insert(0, key);
    }
    transaction.commit().await?;

    let mut keys = Vec::with_capacity(sealed.len());
    for key in sealed {
        keys.push(key.open(ring)?);
    }
    Ok(keys)
}

fn has_signer(keys: &[SealedSigningKey]) -> bool {
    keys.iter().any(|key| key.retired_at.is_none())
}
