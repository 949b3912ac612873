//! Learning which account was connected.

use std::fmt;

use reqwest::RequestBuilder;
use reqwest::header::ACCEPT;
use serde_json::{Map, Value};
use workapi_providers::{AccountSource, Manifest, UserinfoMethod};
use workapi_types::AccessToken;

use crate::answer::TokenAnswer;
use crate::client::Client;
use crate::error::TransportError;
use crate::id_token::IdTokenFault;

/// The longest subject or displayed name in bytes.
const MAX_LENGTH: usize = 255;

/// An account at a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Who it is, for ever: who vouches for it, `|`, and its stable id. Identity
    /// checks compare this, as a string.
    pub subject: String,
    /// What people call it, usually its e-mail address, if the provider tells.
    pub display: Option<String>,
}

/// Hides everything: the account is a person's.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(..)")
    }
}

/// Why the account is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The token endpoint sent no ID token.
    #[error("the token endpoint sent no ID token")]
    NoIdToken,
    /// The ID token is not acceptable.
    #[error("the ID token is not acceptable: {0}")]
    IdToken(IdTokenFault),
    /// The keys that sign ID tokens could not be fetched.
    #[error("the keys of the ID token's issuer could not be fetched")]
    KeysUnavailable,
    /// The userinfo endpoint refused, or answered something else than a JSON object.
    #[error("the userinfo endpoint answered status {status} without an account")]
    Userinfo {
        /// The HTTP status.
        status: u16,
    },
    /// The userinfo endpoint did not answer completely.
    #[error("the exchange with the userinfo endpoint failed")]
    Transport(#[from] TransportError),
    /// The provider's answer has no stable id.
    #[error("the provider did not tell the account's stable id")]
    NoSubject,
}

impl AccountError {
    /// Tells whether the provider was not able to answer, so that trying again
    /// later may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::KeysUnavailable | Self::Transport(_) => true,
            Self::Userinfo { status } => *status == 429 || *status >= 500,
            Self::NoIdToken | Self::IdToken(_) | Self::NoSubject => false,
        }
    }
}

impl From<IdTokenFault> for AccountError {
    fn from(fault: IdTokenFault) -> Self {
        Self::IdToken(fault)
    }
}

impl Client {
    /// Learns which account the tokens are for, from the source that the manifest
    /// names: the verified ID token, or the userinfo endpoint. An ID token of a known
    /// issuer has to be right in both cases.
    #[tracing::instrument(name = "oauth.account", skip_all, fields(provider = %manifest.name))]
    pub async fn account(
        &self,
        manifest: &Manifest,
        client_id: &str,
        answer: &TokenAnswer,
    ) -> Result<Account, AccountError> {
        let (authority, members) = match &manifest.account.source {
            AccountSource::IdToken(issuer) => {
                let token = answer.id_token.as_ref().ok_or(AccountError::NoIdToken)?;
                let claims = self.verify_id_token(token, issuer, client_id).await?;
                (&issuer.issuer, claims)
            }
            AccountSource::Userinfo {
                endpoint,
                method,
                headers,
                authority,
                id_tokens,
            } => {
                let claims = match id_tokens.as_ref().zip(answer.id_token.as_ref()) {
                    Some((issuer, token)) => self.verify_id_token(token, issuer, client_id).await?,
                    None => Map::new(),
                };
                let call = match method {
                    UserinfoMethod::Get => self.http.get(endpoint),
                    UserinfoMethod::Post => self.http.post(endpoint),
                };
                let call = headers
                    .iter()
                    .fold(call, |call, (name, value)| call.header(name, value));
                let members = self.userinfo(manifest, call, &answer.access_token).await?;
                if !is_about_one_subject(&claims, &members) {
                    return Err(IdTokenFault::Subject.into());
                }
                (authority, members)
            }
        };
        let id = members.get(&manifest.account.subject).and_then(text);
        let id = id.ok_or(AccountError::NoSubject)?;
        Ok(Account {
            subject: format!("{authority}|{id}"),
            display: members.get(&manifest.account.claim).and_then(text),
        })
    }

    async fn userinfo(
        &self,
        manifest: &Manifest,
        call: RequestBuilder,
        token: &AccessToken,
    ) -> Result<Map<String, Value>, AccountError> {
        let call = call
            .header(ACCEPT, "application/json")
            .bearer_auth(token.expose());
        let answer = self
            .http
            .send(call.build(), manifest.token.deadline)
            .await?;
        let members = serde_json::from_slice(&answer.body).ok();
        members
            .filter(|_| answer.status == 200)
            .ok_or(AccountError::Userinfo {
                status: answer.status,
            })
    }
}

/// Tells whether what names a subject names the same one (`OpenID` Connect Core section
/// 5.3.2); an endpoint that is not `OpenID`'s may name none.
fn is_about_one_subject(claims: &Map<String, Value>, members: &Map<String, Value>) -> bool {
    match (claims.get("sub"), members.get("sub")) {
        (Some(claimed), Some(told)) => claimed == told,
        _ => true,
    }
}

/// Reads a member that is a string, or a number where a provider counts its
/// accounts.
fn text(member: &Value) -> Option<String> {
    let text = match member {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_u64()?.to_string(),
        _ => return None,
    };
    let is_printable = !text.is_empty() && !text.chars().any(char::is_control);
    (is_printable && text.len() <= MAX_LENGTH).then_some(text)
}
