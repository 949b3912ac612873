//! Sealing of token pairs and client secrets for the place where they are stored.

use workapi_keyring::{KeyRing, Purpose, Salt, Slot};
use workapi_types::{AccessToken, ClientSecret, GrantId, IntegrationId, RefreshToken};

use crate::Error;

/// The place of one token pair: it opens there and nowhere else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PairSlot<'a> {
    pub(crate) integration_id: &'a IntegrationId,
    pub(crate) grant_id: GrantId,
    pub(crate) generation: i64,
}

impl PairSlot<'_> {
    fn column<'a>(&'a self, column: &'a str) -> Slot<'a> {
        Slot {
            table: "credential",
            row: self.integration_id.as_str(),
            column,
            grant: Some(self.grant_id),
            generation: self.generation,
        }
    }
}

/// A sealed token pair.
#[derive(Clone, Debug)]
pub(crate) struct SealedPair {
    pub(crate) access: Vec<u8>,
    pub(crate) refresh: Option<Vec<u8>>,
    /// The ring key of the refresh token, or of the access token where there is no other.
    pub(crate) key_id: String,
}

/// Seals a token pair for its place.
pub(crate) fn seal_pair(
    keyring: &KeyRing,
    salt: &Salt,
    slot: PairSlot<'_>,
    access: &AccessToken,
    refresh: Option<&RefreshToken>,
) -> Result<SealedPair, Error> {
    let purpose = if refresh.is_some() {
        Purpose::Refresh
    } else {
        Purpose::Access
    };
    let access = keyring.seal(
        Purpose::Access,
        salt,
        &slot.column("access_token"),
        access.expose().as_bytes(),
    )?;
    let refresh = refresh
        .map(|token| {
            let place = slot.column("refresh_token");
            keyring.seal(Purpose::Refresh, salt, &place, token.expose().as_bytes())
        })
        .transpose()?;
    Ok(SealedPair {
        access,
        refresh,
        key_id: keyring.sealing_key_id(purpose)?.to_owned(),
    })
}

/// Adds a refresh token to a pair that came without one.
pub(crate) fn add_refresh(
    keyring: &KeyRing,
    salt: &Salt,
    slot: PairSlot<'_>,
    pair: SealedPair,
    refresh: &RefreshToken,
) -> Result<SealedPair, Error> {
    let place = slot.column("refresh_token");
    let sealed = keyring.seal(Purpose::Refresh, salt, &place, refresh.expose().as_bytes())?;
    Ok(SealedPair {
        refresh: Some(sealed),
        key_id: keyring.sealing_key_id(Purpose::Refresh)?.to_owned(),
        ..pair
    })
}

/// Opens the refresh token of a pair.
pub(crate) fn open_refresh(
    keyring: &KeyRing,
    salt: &Salt,
    slot: PairSlot<'_>,
    sealed: &[u8],
) -> Result<RefreshToken, Error> {
    let opened = keyring.open(
        Purpose::Refresh,
        salt,
        &slot.column("refresh_token"),
        sealed,
    )?;
    let token = str::from_utf8(&opened).map_err(|_| Error::Corrupt("refresh token"))?;
    Ok(RefreshToken::new(token))
}

/// Opens the access token of a pair.
pub(crate) fn open_access(
    keyring: &KeyRing,
    salt: &Salt,
    slot: PairSlot<'_>,
    sealed: &[u8],
) -> Result<AccessToken, Error> {
    let opened = keyring.open(Purpose::Access, salt, &slot.column("access_token"), sealed)?;
    let token = str::from_utf8(&opened).map_err(|_| Error::Corrupt("access token"))?;
    Ok(AccessToken::new(token))
}

/// The place of a client secret.
fn secret_slot(row: &str) -> Slot<'_> {
    Slot {
        table: "client_secret",
        row,
        column: "secret",
        grant: None,
        generation: 0,
    }
}

/// Seals a client secret for its row.
pub(crate) fn seal_secret(
    keyring: &KeyRing,
    salt: &Salt,
    row: &str,
    secret: &ClientSecret,
) -> Result<Vec<u8>, Error> {
    let bytes = secret.expose().as_bytes();
    Ok(keyring.seal(Purpose::Client, salt, &secret_slot(row), bytes)?)
}

/// Opens a client secret.
pub(crate) fn open_secret(
    keyring: &KeyRing,
    salt: &Salt,
    row: &str,
    sealed: &[u8],
) -> Result<ClientSecret, Error> {
    let opened = keyring.open(Purpose::Client, salt, &secret_slot(row), sealed)?;
    let secret = str::from_utf8(&opened).map_err(|_| Error::Corrupt("client secret"))?;
    Ok(ClientSecret::new(secret))
}
