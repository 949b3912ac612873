//! The Ed25519 keys that sign user tokens. The private half is stored sealed.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use jsonwebtoken::{DecodingKey, EncodingKey};
use time::OffsetDateTime;
use uuid::Uuid;
use workapi_keyring::{KeyRing, Purpose, Salt, Slot};

/// A signing key as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct SealedSigningKey {
    pub(crate) kid: String,
    pub(crate) public_key: Vec<u8>,
    pub(crate) salt: Vec<u8>,
    pub(crate) sealed_private_key: Vec<u8>,
    pub(crate) retired_at: Option<OffsetDateTime>,
}

/// A signing key that is ready for use.
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pub(crate) public_key: Vec<u8>,
    pub(crate) is_retired: bool,
    pub(super) encoding_key: EncodingKey,
    pub(super) decoding_key: DecodingKey,
}

/// Why a signing key could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cryptographic library failed.
    #[error("failed to make a signing key")]
    Generate,
    /// The key could not be sealed.
    #[error("failed to seal the signing key {kid}")]
    Seal {
        /// The key.
        kid: String,
        /// The key ring's reason.
        source: workapi_keyring::Error,
    },
    /// The stored key could not be opened.
    #[error("failed to open the signing key {kid}; was the database made with another key ring?")]
    Open {
        /// The key.
        kid: String,
        /// The key ring's reason.
        source: workapi_keyring::Error,
    },
    /// The stored halves do not belong together.
    #[error("the signing key {kid} is damaged: its public half belongs to another key")]
    Damaged {
        /// The key.
        kid: String,
    },
}

impl SealedSigningKey {
    /// Makes a new key and seals its private half.
    pub(crate) fn generate(ring: &KeyRing) -> Result<Self, Error> {
        let pkcs8 =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| Error::Generate)?;
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).map_err(|_| Error::Generate)?;
        let kid = Uuid::new_v4().simple().to_string();
        let seal = |source| Error::Seal {
            kid: kid.clone(),
            source,
        };
        let salt = Salt::random().map_err(seal)?;
        let sealed_private_key = ring
            .seal(Purpose::Signing, &salt, &slot(&kid), pkcs8.as_ref())
            .map_err(seal)?;
        Ok(Self {
            public_key: pair.public_key().as_ref().to_vec(),
            salt: salt.as_bytes().to_vec(),
            sealed_private_key,
            retired_at: None,
            kid,
        })
    }

    /// Opens the private half. The ring vouches for it, and it vouches for the public half: a
    /// key that somebody merely wrote into the table is refused.
    pub(crate) fn open(self, ring: &KeyRing) -> Result<SigningKey, Error> {
        let open = |source| Error::Open {
            kid: self.kid.clone(),
            source,
        };
        let salt = Salt::from_slice(&self.salt).map_err(open)?;
        let pkcs8 = ring
            .open(
                Purpose::Signing,
                &salt,
                &slot(&self.kid),
                &self.sealed_private_key,
            )
            .map_err(open)?;
        let is_pair = Ed25519KeyPair::from_pkcs8(&pkcs8)
            .is_ok_and(|pair| pair.public_key().as_ref() == self.public_key);
        if !is_pair {
            return Err(Error::Damaged { kid: self.kid });
        }
        Ok(SigningKey {
            encoding_key: EncodingKey::from_ed_der(&pkcs8),
            decoding_key: DecodingKey::from_ed_der(&self.public_key),
            is_retired: self.retired_at.is_some(),
            public_key: self.public_key,
            kid: self.kid,
        })
    }
}

fn slot(kid: &str) -> Slot<'_> {
    Slot {
        table: "signing_key",
        row: kid,
        column: "sealed_private_key",
        grant: None,
        generation: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        KeyRing::parse(KeyRing::generate().unwrap().as_str()).unwrap()
    }

    #[test]
    fn a_sealed_key_opens_with_its_ring_only() {
        let ring_of_key = ring();
        let sealed = SealedSigningKey::generate(&ring_of_key).unwrap();

        assert!(sealed.clone().open(&ring_of_key).is_ok());
        assert!(matches!(sealed.open(&ring()), Err(Error::Open { .. })));
    }

    #[test]
    fn a_public_half_of_another_key_is_refused() {
        let ring = ring();
        let mut sealed = SealedSigningKey::generate(&ring).unwrap();
        sealed.public_key = SealedSigningKey::generate(&ring).unwrap().public_key;

        assert!(matches!(sealed.open(&ring), Err(Error::Damaged { .. })));
    }
}
