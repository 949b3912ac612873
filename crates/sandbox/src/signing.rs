//! The key that signs ID tokens (ES256) and its public half for the JWKS.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use time::OffsetDateTime;

use crate::error::Error;
use crate::ledger::Identity;

/// How long an ID token is valid.
const ID_TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// A P-256 key pair.
pub(crate) struct SigningKey {
    private: EncodingKey,
    public: Jwk,
}

/// The claims of an ID token (OpenID Connect Core section 2).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    email: &'a str,
    email_verified: bool,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl SigningKey {
    /// Makes a new key.
    pub(crate) fn generate() -> Result<Self, Error> {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|_| Error::SigningKey { action: "generate" })?;
        Self::from_pkcs8(document.as_ref())
    }

    /// Reads a key that [`Self::to_base64`] wrote.
    pub(crate) fn from_base64(text: &str) -> Result<Self, Error> {
        let pkcs8 = STANDARD
            .decode(text)
            .map_err(|_| Error::SigningKey { action: "read" })?;
        Self::from_pkcs8(&pkcs8)
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, Error> {
        let failed = |_| Error::SigningKey { action: "read" };
        let private = EncodingKey::from_ec_der(pkcs8);
        let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256).map_err(failed)?;
        let thumbprint = public.thumbprint(ThumbprintHash::SHA256).map_err(failed)?;
        public.common.key_id = Some(thumbprint);
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { private, public })
    }

    /// Returns the private key as the state file keeps it.
    pub(crate) fn to_base64(&self) -> String {
        STANDARD.encode(self.private.as_bytes())
    }

    /// Returns the key set that `/jwks` publishes.
    pub(crate) fn key_set(&self) -> JwkSet {
        JwkSet {
            keys: vec![self.public.clone()],
        }
    }

    /// Signs an ID token for the client.
    pub(crate) fn id_token(
        &self,
        issuer: &str,
        client_id: &str,
        identity: &Identity,
        now: OffsetDateTime,
    ) -> Result<String, Error> {
        let iat = now.unix_timestamp();
        let claims = Claims {
            iss: issuer,
            aud: client_id,
            sub: identity.account.subject(),
            email: identity.account.email(),
            email_verified: true,
            iat,
            exp: (now + ID_TOKEN_LIFETIME).unix_timestamp(),
            nonce: identity.nonce.as_deref(),
        };
        let mut header = Header::new(Algorithm::ES256);
        header.kid.clone_from(&self.public.common.key_id);
        jsonwebtoken::encode(&header, &claims, &self.private)
            .map_err(|_| Error::SigningKey { action: "use" })
    }
}
