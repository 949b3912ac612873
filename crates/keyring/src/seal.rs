//! The sealed format and the two operations on it.
//!
//! `version (1 byte, 1) ‖ length of the key id (1 byte) ‖ key id ‖ nonce (12
//! bytes) ‖ ciphertext ‖ tag (16 bytes)`

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{self, HKDF_SHA256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ring::Key;
use crate::{Error, Salt, Slot};

const FORMAT: u8 = 1;
const TAG_LEN: usize = 16;

/// Returns the id of the key that a value was sealed with, without opening it.
///
/// It is how a rotation finds what is left on an old key.
///
/// # Errors
/// [`Error::UnknownFormat`] if the bytes are no sealed value.
pub fn key_id(sealed: &[u8]) -> Result<&str, Error> {
    Ok(Sealed::parse(sealed)?.key_id)
}

/// A sealed value taken apart.
pub(crate) struct Sealed<'a> {
    pub(crate) key_id: &'a str,
    nonce: &'a [u8; NONCE_LEN],
    ciphertext: &'a [u8],
}

impl<'a> Sealed<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::split(bytes).ok_or(Error::UnknownFormat)
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (&format, rest) = bytes.split_first()?;
        if format != FORMAT {
            return None;
        }
        let (&length, rest) = rest.split_first()?;
        let (key_id, rest) = rest.split_at_checked(length.into())?;
        let key_id = str::from_utf8(key_id).ok()?;
        let (nonce, ciphertext) = rest.split_first_chunk()?;
        let parsed = Key::is_id(key_id) && ciphertext.len() >= TAG_LEN;
        parsed.then_some(Self {
            key_id,
            nonce,
            ciphertext,
        })
    }
}

/// Seals `plaintext` with `key` for its slot.
pub(crate) fn seal(
    key: &Key,
    instance_id: Uuid,
    salt: &Salt,
    slot: &Slot<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    let header_len = 2 + key.id.len();
    // With its full size reserved, the vector never moves and leaves plaintext behind.
    let mut sealed = Vec::with_capacity(header_len + NONCE_LEN + plaintext.len() + TAG_LEN);
    sealed.push(FORMAT);
    sealed.push(key.id_len());
    sealed.extend_from_slice(key.id.as_bytes());
    sealed.extend_from_slice(&[0; NONCE_LEN]);
    sealed.extend_from_slice(plaintext);

    let aad = Aad::from(slot.associated_data(FORMAT, instance_id, &key.id));
    let (nonce, tag) = row_key(key, salt, slot)?
        .seal_in_place_separate_tag(aad, &mut sealed[header_len + NONCE_LEN..])
        .map_err(|_| Error::Crypto("seal"))?;
    sealed[header_len..header_len + NONCE_LEN].copy_from_slice(nonce.as_ref());
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens a sealed value with the key that sealed it.
pub(crate) fn open(
    key: &Key,
    instance_id: Uuid,
    salt: &Salt,
    slot: &Slot<'_>,
    sealed: &Sealed<'_>,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let aad = Aad::from(slot.associated_data(FORMAT, instance_id, &key.id));
    let mut plaintext = Zeroizing::new(sealed.ciphertext.to_vec());
    let length = row_key(key, salt, slot)?
        .open_in_place(Nonce::from(sealed.nonce), aad, &mut plaintext)
        .map_err(|_| Error::Rejected)?
        .len();
    plaintext.truncate(length);
    Ok(plaintext)
}

/// Derives the key of one row.
fn row_key(key: &Key, salt: &Salt, slot: &Slot<'_>) -> Result<RandomizedNonceKey, Error> {
    let failed = |_| Error::Crypto("derive a row key");
    let mut row_key = Zeroizing::new([0; Key::LENGTH]);
    hkdf::Salt::new(HKDF_SHA256, salt.as_bytes())
        .extract(key.secret.as_slice())
        .expand(&[&slot.derivation()], HKDF_SHA256)
        .and_then(|okm| okm.fill(row_key.as_mut_slice()))
        .map_err(failed)?;
    RandomizedNonceKey::new(&AES_256_GCM, row_key.as_slice()).map_err(failed)
}
