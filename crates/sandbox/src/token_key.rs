//! Codes and tokens that authenticate themselves.
//!
//! Each is the name of a grant and a serial number within it, followed by an
//! HMAC over both. So the server remembers grants and not tokens: however often
//! a grant was refreshed, a token of its past is still recognised.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// Bytes of the grant id, the serial number and the expiry.
const PAYLOAD_LENGTH: usize = 16 + 8 + 8;
/// The expiry of what does not expire by itself.
const NEVER: u64 = u64::MAX;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An authorization code.
    Code,
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Code, Self::Access, Self::Refresh];

    /// Returns the readable start of such a token.
    fn prefix(self) -> &'static str {
        match self {
            Self::Code => "sandbox_code_",
            Self::Access => "sandbox_access_",
            Self::Refresh => "sandbox_refresh_",
        }
    }
}

/// What a code or token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) grant: Uuid,
    /// Distinguishes the tokens of one grant.
    pub(crate) serial: u64,
    /// Unix time in milliseconds, or `NEVER`.
    expires_at: u64,
}

impl Token {
    /// Makes one that does not expire by itself.
    pub(crate) fn lasting(kind: Kind, grant: Uuid, serial: u64) -> Self {
        Self {
            kind,
            grant,
            serial,
            expires_at: NEVER,
        }
    }

    /// Makes an access token that expires `lifetime` after `now`.
    pub(crate) fn access(
        grant: Uuid,
        serial: u64,
        now: OffsetDateTime,
        lifetime: Duration,
    ) -> Self {
        Self {
            kind: Kind::Access,
            grant,
            serial,
            expires_at: unix_millis(now + lifetime),
        }
    }

    /// Tells whether its time is over.
    pub(crate) fn is_expired(&self, now: OffsetDateTime) -> bool {
        unix_millis(now) >= self.expires_at
    }
}

fn unix_millis(at: OffsetDateTime) -> u64 {
    u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

/// The key under which codes and tokens are written and recognised.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "[u8; 32]", into = "[u8; 32]")]
pub(crate) struct TokenKey {
    bytes: [u8; 32],
    hmac: hmac::Key,
}

impl TokenKey {
    /// Makes a new random key.
    pub(crate) fn generate() -> Self {
        Self::from(rand::random::<[u8; 32]>())
    }

    /// Writes a token.
    pub(crate) fn seal(&self, token: &Token) -> String {
        let mut bytes = Vec::with_capacity(PAYLOAD_LENGTH + 32);
        bytes.extend_from_slice(token.grant.as_bytes());
        bytes.extend_from_slice(&token.serial.to_be_bytes());
        bytes.extend_from_slice(&token.expires_at.to_be_bytes());
        let tag = hmac::sign(&self.hmac, &authenticated(token.kind, &bytes));
        bytes.extend_from_slice(tag.as_ref());
        format!("{}{}", token.kind.prefix(), URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a token that this key wrote.
    pub(crate) fn open(&self, text: &str) -> Option<Token> {
        let (kind, encoded) = Kind::ALL
            .into_iter()
            .find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)))?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (payload, tag) = bytes.split_at_checked(PAYLOAD_LENGTH)?;
        hmac::verify(&self.hmac, &authenticated(kind, payload), tag).ok()?;
        let (grant, rest) = payload.split_first_chunk::<16>()?;
        let (serial, rest) = rest.split_first_chunk::<8>()?;
        let expires_at = rest.first_chunk::<8>()?;
        Some(Token {
            kind,
            grant: Uuid::from_bytes(*grant),
            serial: u64::from_be_bytes(*serial),
            expires_at: u64::from_be_bytes(*expires_at),
        })
    }
}

/// Binds the payload to the kind, so that no token passes for another.
fn authenticated(kind: Kind, payload: &[u8]) -> Vec<u8> {
    [kind.prefix().as_bytes(), payload].concat()
}

impl From<[u8; 32]> for TokenKey {
    fn from(bytes: [u8; 32]) -> Self {
        let hmac = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        Self { bytes, hmac }
    }
}

impl From<TokenKey> for [u8; 32] {
    fn from(key: TokenKey) -> Self {
        key.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_was_written() {
        let key = TokenKey::generate();
        let token = Token::lasting(Kind::Refresh, Uuid::new_v4(), 7);

        assert_eq!(key.open(&key.seal(&token)), Some(token));
    }

    #[test]
    fn a_token_of_another_key_or_kind_is_unknown() {
        let key = TokenKey::generate();
        let text = key.seal(&Token::lasting(Kind::Refresh, Uuid::new_v4(), 1));

        assert_eq!(TokenKey::generate().open(&text), None);
        assert_eq!(
            key.open(&text.replace("sandbox_refresh_", "sandbox_access_")),
            None
        );
        assert_eq!(key.open(&text[..text.len() - 4]), None);
        assert_eq!(key.open("sandbox_refresh_"), None);
    }

    #[test]
    fn an_access_token_ends_with_its_lifetime() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let token = Token::access(Uuid::new_v4(), 1, now, Duration::from_mins(1));

        assert!(!token.is_expired(now + Duration::from_secs(59)));
        assert!(token.is_expired(now + Duration::from_mins(1)));
    }
}
