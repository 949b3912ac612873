//! Makers of tokens, good and bad.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// The RSA key pair of an environment.
pub(crate) struct DeveloperKey {
    encoding_key: EncodingKey,
    public_pem: String,
}

impl DeveloperKey {
    pub(crate) fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let private_pem = pem("PRIVATE KEY", private.as_ref());
        let public = pair.public_key().as_der().unwrap();
        Self {
            encoding_key: EncodingKey::from_rsa_pem(private_pem.as_bytes()).unwrap(),
            public_pem: pem("PUBLIC KEY", public.as_ref()),
        }
    }

    /// Returns the public half in PEM, as OpenSSL writes it.
    pub(crate) fn public_pem(&self) -> String {
        self.public_pem.clone()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// An APT in the making.
pub(crate) struct Apt<'a> {
    key: &'a DeveloperKey,
    algorithm: Algorithm,
    claims: Value,
}

impl<'a> Apt<'a> {
    /// Begins with what the Ruby SDK sends to create a user.
    pub(crate) fn new(key: &'a DeveloperKey, environment_guid: &str, now: i64) -> Self {
        Self {
            key,
            algorithm: Algorithm::RS256,
            claims: json!({
                "exp": now + 60,
                "iat": now,
                "iss": "Work-API Ruby SDK v0.1.1",
                "user": { "environment_guid": environment_guid },
            }),
        }
    }

    /// Names the user.
    pub(crate) fn for_user(mut self, arbitrary_id: &str) -> Self {
        self.claims["user"]["arbitrary_id"] = arbitrary_id.into();
        self
    }

    /// Replaces a claim.
    pub(crate) fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims[claim] = value.into();
        self
    }

    /// Leaves a claim out.
    pub(crate) fn without(mut self, claim: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(claim);
        self
    }

    pub(crate) fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    pub(crate) fn signed(&self) -> String {
        self.signed_with(&self.key.encoding_key)
    }

    /// Signs with somebody else's key.
    pub(crate) fn signed_by(&self, other: &DeveloperKey) -> String {
        self.signed_with(&other.encoding_key)
    }

    /// Signs with HMAC, taking the public key for the secret.
    pub(crate) fn signed_with_the_public_key(&self) -> String {
        let header = Header::new(Algorithm::HS256);
        let key = EncodingKey::from_secret(self.key.public_pem.as_bytes());
        jsonwebtoken::encode(&header, &self.claims, &key).unwrap()
    }

    /// Says in its header that it needs no signature.
    pub(crate) fn unsigned(&self) -> String {
        unsigned(&self.claims)
    }

    fn signed_with(&self, key: &EncodingKey) -> String {
        // The SDK writes no `typ`.
        let mut header = Header::new(self.algorithm);
        header.typ = None;
        jsonwebtoken::encode(&header, &self.claims, key).unwrap()
    }
}

/// Returns a JWT with `alg: none`.
pub(crate) fn unsigned(claims: &Value) -> String {
    format!(
        "{}.{}.",
        encoded(&json!({ "alg": "none" })),
        encoded(claims)
    )
}

/// Returns the claims of a JWT without checking anything.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

/// Returns the header of a JWT.
pub(crate) fn header(token: &str) -> Value {
    part(token, 0)
}

/// Replaces the claims of a JWT and keeps its signature.
pub(crate) fn with_claims(token: &str, claims: &Value) -> String {
    let parts: Vec<_> = token.split('.').collect();
    format!("{}.{}.{}", parts[0], encoded(claims), parts[2])
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encoded(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}
