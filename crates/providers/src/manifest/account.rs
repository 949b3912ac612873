//! How to learn which account was connected.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use crate::error::KeyError;

/// Headers that Work API sets itself.
const RESERVED_HEADERS: [&str; 5] = [
    "accept",
    "authorization",
    "content-length",
    "host",
    "user-agent",
];

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
        /// How it is asked.
        method: UserinfoMethod,
        /// Headers that it wants in addition.
        headers: BTreeMap<String, String>,
        /// Who vouches for the subject: the issuer, or else the endpoint's origin.
        authority: String,
        /// Who signs ID tokens, where the manifest says so; one that comes along is
        /// checked as well.
        id_tokens: Option<IdTokenIssuer>,
    },
}

/// How an endpoint is asked about the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum UserinfoMethod {
    /// With GET.
    #[default]
    Get,
    /// With POST and an empty body.
    Post,
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
    #[serde(default)]
    method: UserinfoMethod,
    #[serde(default)]
    headers: BTreeMap<String, String>,
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
        for (name, value) in &self.headers {
            check_header(name, value)?;
        }
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
                    method: self.method,
                    headers: self.headers,
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

fn check_header(name: &str, value: &str) -> Result<(), KeyError> {
    let refused = |reason| KeyError::new(format!("account.headers.{name}"), reason);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(refused("must be letters, digits and `-`"));
    }
    if RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(refused("is set by Work API itself"));
    }
    if value.is_empty() || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(refused("must be visible ASCII characters"));
    }
    Ok(())
}

fn missing(source: &str, needed: &str) -> KeyError {
    KeyError::new(
        needed,
        format!("is needed for account.source = \"{source}\""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<(), String> {
        check_header(name, value).map_err(|error| error.in_file("files.toml").to_string())
    }

    #[test]
    fn a_header_of_the_providers_own_is_accepted() {
        assert_eq!(check("Notion-Version", "2022-06-28"), Ok(()));
    }

    #[test]
    fn a_header_that_is_none_or_ours_is_refused_with_its_name() {
        for (name, value) in [
            ("", "a"),
            ("a b", "a"),
            ("X-A", ""),
            ("X-A", "a\r\nb: c"),
            ("Authorization", "Bearer a"),
            ("host", "elsewhere.example"),
        ] {
            let refusal = check(name, value).unwrap_err();

            let key = format!("`account.headers.{name}`");
            assert!(refusal.contains(&key), "{refusal}");
        }
    }
}
