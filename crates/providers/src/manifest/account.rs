//! How to learn which account was connected.

use serde::Deserialize;
use url::Url;

use crate::error::KeyError;

/// Where the account's identity comes from, and which members hold it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Account {
    /// Who tells it.
    pub source: AccountSource,
    /// The member with the account's stable id, which identity checks compare.
    pub subject: String,
    /// The member that is shown to people, such as `email`.
    pub claim: String,
}

/// Who tells the identity of an account.
#[derive(Clone, Debug)]
pub enum AccountSource {
    /// The ID token of the code exchange (`OpenID` Connect Core section 2).
    IdToken(IdTokenIssuer),
    /// An endpoint that is asked with the access token.
    Userinfo {
        /// The endpoint.
        endpoint: Url,
        /// Who vouches for the subject: the issuer, or else the endpoint's origin.
        authority: String,
        /// Who signs ID tokens, where the manifest says so; one that comes along is
        /// checked as well.
        id_tokens: Option<IdTokenIssuer>,
    },
}

/// Who signs ID tokens.
#[derive(Clone, Debug)]
pub struct IdTokenIssuer {
    /// What their `iss` must be.
    pub issuer: String,
    /// Where the keys are.
    pub jwks: Url,
}

/// The `[account]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    source: SourceName,
    #[serde(default = "default_subject")]
    subject: String,
    #[serde(default = "default_claim")]
    claim: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceName {
    IdToken,
    Userinfo,
}

fn default_subject() -> String {
    "sub".to_owned()
}

fn default_claim() -> String {
    "email".to_owned()
}

impl Table {
    pub(super) fn validate(
        self,
        issuer: Option<String>,
        jwks: Option<Url>,
        userinfo: Option<Url>,
    ) -> Result<Account, KeyError> {
        let source = match self.source {
            SourceName::IdToken => AccountSource::IdToken(IdTokenIssuer {
                issuer: issuer.ok_or_else(|| missing("id_token", "issuer"))?,
                jwks: jwks.ok_or_else(|| missing("id_token", "endpoints.jwks"))?,
            }),
            SourceName::Userinfo => {
                let endpoint = userinfo.ok_or_else(|| missing("userinfo", "endpoints.userinfo"))?;
                let id_tokens = issuer.clone().zip(jwks);
                AccountSource::Userinfo {
                    authority: issuer.unwrap_or_else(|| endpoint.origin().ascii_serialization()),
                    endpoint,
                    id_tokens: id_tokens.map(|(issuer, jwks)| IdTokenIssuer { issuer, jwks }),
                }
            }
        };
        Ok(Account {
            source,
            subject: self.subject,
            claim: self.claim,
        })
    }
}

fn missing(source: &str, needed: &str) -> KeyError {
    KeyError::new(
        needed,
        format!("is needed for account.source = \"{source}\""),
    )
}
