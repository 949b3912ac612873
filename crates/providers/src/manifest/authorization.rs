//! The authorization request (RFC 6749 section 4.1.1).

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use crate::error::KeyError;

/// Parameters that Work API sets itself.
const RESERVED: [&str; 8] = [
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
];

/// How the user is sent to the provider, and what comes back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authorization {
    /// Where the browser is sent.
    pub endpoint: Url,
    /// Whether the code is bound to a verifier.
    pub pkce: Pkce,
    /// Whether a refresh token is asked for, so that its absence is an error.
    pub offline: bool,
    /// Parameters that this provider wants in addition.
    pub params: BTreeMap<String, String>,
    /// What the `iss` of a callback must be (RFC 9207), compared as a string.
    pub issuer: Option<String>,
    /// Whether a callback without `iss` is refused.
    pub iss_required: bool,
}

/// Proof Key for Code Exchange (RFC 7636).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Pkce {
    /// With the SHA-256 of the verifier as challenge.
    S256,
    /// Not at all, because the provider rejects it.
    #[serde(rename = "none")]
    None,
}

/// The `[authorization]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Table {
    pkce: Pkce,
    offline: bool,
    params: BTreeMap<String, String>,
    iss_required: bool,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            pkce: Pkce::S256,
            offline: true,
            params: BTreeMap::new(),
            iss_required: false,
        }
    }
}

impl Table {
    pub(super) fn validate(
        self,
        endpoint: Url,
        issuer: Option<String>,
    ) -> Result<Authorization, KeyError> {
        if let Some(name) = RESERVED
            .iter()
            .find(|name| self.params.contains_key(**name))
        {
            let key = format!("authorization.params.{name}");
            return Err(KeyError::new(key, "is set by Work API itself"));
        }
        if self.iss_required && issuer.is_none() {
            let reason = "needs `issuer`, which it is compared with";
            return Err(KeyError::new("authorization.iss_required", reason));
        }
        Ok(Authorization {
            endpoint,
            pkce: self.pkce,
            offline: self.offline,
            params: self.params,
            issuer,
            iss_required: self.iss_required,
        })
    }
}
