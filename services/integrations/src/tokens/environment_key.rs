//! The public key of an environment, which verifies its APTs.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{PublicKey, RsaParameters};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::DecodingKey;
use workapi_errors::Error;

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";
/// How many characters a line of PEM holds (RFC 7468 section 2).
const PEM_LINE: usize = 64;
/// Shorter keys are weak; longer ones cost the server more than they give.
const MODULUS_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;

/// An RSA public key of 2048 to 4096 bits.
#[derive(Clone)]
pub(crate) struct EnvironmentKey {
    spki: Vec<u8>,
    decoding_key: DecodingKey,
}

/// Bytes that are no RSA public key of an accepted size.
#[derive(Debug, thiserror::Error)]
#[error("not an RSA public key of 2048 to 4096 bits")]
pub(crate) struct InvalidKey;

impl EnvironmentKey {
    /// Reads a `SubjectPublicKeyInfo` in PEM (RFC 7468 section 13), as a client sent it.
    ///
    /// # Errors
    /// A 400 that says what is expected.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, Error> {
        decode_pem(pem)
            .and_then(|spki| Self::from_spki(&spki).ok())
            .ok_or_else(|| {
                Error::bad_request(
                    "public_key must be an RSA public key of 2048 to 4096 bits in PEM \
                     (BEGIN PUBLIC KEY)",
                )
            })
    }

    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
    pub(crate) fn from_spki(spki: &[u8]) -> Result<Self, InvalidKey> {
        let key = PublicKey::from_der(spki).map_err(|_| InvalidKey)?;
        let bits = RsaParameters::public_modulus_len(key.as_ref()).map_err(|_| InvalidKey)?;
        if !MODULUS_BITS.contains(&bits) {
            return Err(InvalidKey);
        }
        let spki = key.as_der().map_err(|_| InvalidKey)?;
        Ok(Self {
            spki: spki.as_ref().to_vec(),
            decoding_key: DecodingKey::from_rsa_der(key.as_ref()),
        })
    }

    /// Returns the key as a `SubjectPublicKeyInfo`.
    pub(crate) fn as_spki(&self) -> &[u8] {
        &self.spki
    }

    /// Returns the key as a `SubjectPublicKeyInfo` in PEM.
    pub(crate) fn to_pem(&self) -> String {
        let base64 = STANDARD.encode(&self.spki);
        let mut pem = format!("{PEM_BEGIN}\n");
        for (index, character) in base64.char_indices() {
            if index > 0 && index % PEM_LINE == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem + "\n" + PEM_END + "\n"
    }

    pub(super) fn decoding_key(&self) -> &DecodingKey {
        &self.decoding_key
    }
}

impl fmt::Debug for EnvironmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvironmentKey(…)")
    }
}

fn decode_pem(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim().strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
    STANDARD
        .decode(body.split_ascii_whitespace().collect::<String>())
        .ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::PublicKeyX509Der;
    use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
    use aws_lc_rs::signature::KeyPair as _;

    use super::*;

    #[test]
    fn a_key_survives_the_way_through_pem() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let spki = pair.public_key().as_der().unwrap();
        let key = EnvironmentKey::from_spki(spki.as_ref()).unwrap();

        let pem = key.to_pem();

        assert!(pem.lines().all(|line| line.len() <= PEM_LINE));
        assert_eq!(
            EnvironmentKey::from_pem(&pem).unwrap().as_spki(),
            spki.as_ref()
        );
        let windows = pem.replace('\n', "\r\n");
        assert_eq!(
            EnvironmentKey::from_pem(&windows).unwrap().as_spki(),
            spki.as_ref()
        );
    }

    #[test]
    fn a_key_is_2048_to_4096_bits_long() {
        let is_accepted = |bits: usize| {
            let components = PublicKeyComponents {
                n: vec![0xff; bits / 8],
                e: vec![1, 0, 1],
            };
            let spki: PublicKeyX509Der<'_> = components.as_der().unwrap();
            EnvironmentKey::from_spki(spki.as_ref()).is_ok()
        };

        assert!(!is_accepted(1024));
        assert!(!is_accepted(2040));
        assert!(is_accepted(2048));
        assert!(is_accepted(4096));
        assert!(!is_accepted(4104));
    }

    #[test]
    fn what_is_not_a_public_key_in_pem_is_refused() {
        for pem in [
            "",
            "nonsense",
            "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----",
            // Ed25519.
            "-----BEGIN PUBLIC KEY-----\n\
             MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
             -----END PUBLIC KEY-----",
        ] {
            assert!(EnvironmentKey::from_pem(pem).is_err(), "{pem:?}");
        }
    }
}
