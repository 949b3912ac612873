//! The token endpoint (RFC 6749 section 3.2).

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::error::KeyError;

/// The longest deadline, in seconds. A lease lasts longer than the exchange, so
/// this also bounds how long a crashed exchange blocks its credential.
const MAX_DEADLINE: u32 = 300;

/// How codes and refresh tokens are exchanged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenEndpoint {
    /// Where the request goes.
    pub endpoint: Url,
    /// How the client authenticates.
    pub client_auth: ClientAuth,
    /// The format of the request.
    pub body: BodyFormat,
    /// The life of an access token whose answer does not tell it.
    pub default_expires_in: Duration,
    /// The longest that a whole exchange may take.
    pub deadline: Duration,
}

/// How a client authenticates (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// With id and secret in the body.
    Post,
    /// With id and secret in the `Authorization` header.
    Basic,
    /// Not at all: a public client, whose id is in the body.
    None,
}

/// The format of a token request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyFormat {
    /// A form, as the RFC has it.
    Form,
    /// A JSON object with the same members.
    Json,
}

/// The `[token]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Table {
    client_auth: ClientAuth,
    body: BodyFormat,
    default_expires_in_seconds: NonZeroU32,
    deadline_seconds: u32,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            client_auth: ClientAuth::Post,
            body: BodyFormat::Form,
            default_expires_in_seconds: const { NonZeroU32::new(3600).unwrap() },
            deadline_seconds: 30,
        }
    }
}

impl Table {
    pub(super) fn validate(self, endpoint: Url) -> Result<TokenEndpoint, KeyError> {
        if !(1..=MAX_DEADLINE).contains(&self.deadline_seconds) {
            let reason = format!("must be 1 to {MAX_DEADLINE}");
            return Err(KeyError::new("token.deadline_seconds", reason));
        }
        Ok(TokenEndpoint {
            endpoint,
            client_auth: self.client_auth,
            body: self.body,
            default_expires_in: Duration::from_secs(self.default_expires_in_seconds.get().into()),
            deadline: Duration::from_secs(self.deadline_seconds.into()),
        })
    }
}
