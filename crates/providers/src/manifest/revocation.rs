//! How tokens are given back (RFC 7009).

use serde::Deserialize;
use url::Url;

use crate::error::KeyError;

/// How a token is revoked at the provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Revocation {
    /// Where the request goes.
    pub endpoint: Url,
    /// Which token is sent.
    pub token: RevocationToken,
    /// What dies with it.
    pub reach: Reach,
}

/// Which token of a pair is sent for revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevocationToken {
    /// The refresh token.
    Refresh,
    /// The access token.
    Access,
}

/// What a revocation reaches beyond the token that was sent (refresh protocol,
/// section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Not even the token: the endpoint does nothing that matters.
    None,
    /// The token, or the pair it belongs to.
    Token,
    /// All tokens of the account for this client.
    Grant,
    /// All tokens of the account for every client of the same project.
    Project,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Style {
    Rfc7009,
    None,
}

/// The `[revocation]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Table {
    style: Style,
    token: RevocationToken,
    reach: Reach,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            style: Style::None,
            token: RevocationToken::Refresh,
            // Unknown: assume that siblings of the grant may die.
            reach: Reach::Grant,
        }
    }
}

impl Table {
    pub(super) fn validate(self, endpoint: Option<Url>) -> Result<Option<Revocation>, KeyError> {
        let endpoint = match self.style {
            Style::None => return Ok(None),
            Style::Rfc7009 => endpoint.ok_or_else(|| {
                KeyError::new(
                    "endpoints.revoke",
                    "is needed for revocation.style = \"rfc7009\"",
                )
            })?,
        };
        Ok(Some(Revocation {
            endpoint,
            token: self.token,
            reach: self.reach,
        }))
    }
}
