//! The token endpoint's answer (RFC 6749 section 5), as providers really send it.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use workapi_providers::{Cause, Manifest};
use workapi_types::{AccessToken, IdToken, RefreshToken, Scopes};

use crate::classify::rule;
use crate::error::TokenError;
use crate::http_client::Answer;
use crate::refusal::{Refusal, members};

/// No life of a token is believed to be longer, so that adding it to a time can't
/// overflow.
const MAX_LIFE: Duration = Duration::from_hours(24 * 365 * 10);

/// New tokens.
#[derive(Clone, Debug)]
pub struct TokenAnswer {
    /// The new access token.
    pub access_token: AccessToken,
    /// The new refresh token; `None` means that the one there is stays valid.
    pub refresh_token: Option<RefreshToken>,
    /// The life of the access token, if the answer tells it.
    pub expires_in: Option<Duration>,
    /// The life of the refresh token, if the answer tells it.
    pub refresh_token_expires_in: Option<Duration>,
    /// What was granted; `None` means what was asked for.
    pub scope: Option<Scopes>,
    /// Who the account is, not yet verified.
    pub id_token: Option<IdToken>,
    /// When the request was sent.
    pub asked_at: Instant,
    /// When the answer had arrived completely.
    pub received_at: Instant,
}

impl TokenAnswer {
    /// Returns how long after [`received_at`](Self::received_at) the access token
    /// is good.
    ///
    /// The provider counts the life from a moment that lies between sending and
    /// receiving, so the time between is taken off. A life that the answer does
    /// not tell is the manifest's default, never endless.
    pub fn access_life(&self, manifest: &Manifest) -> Duration {
        // Zero is how some say that they do not tell.
        let told = self.expires_in.filter(|life| !life.is_zero());
        let life = told.unwrap_or(manifest.token.default_expires_in);
        life.saturating_sub(self.received_at.saturating_duration_since(self.asked_at))
    }
}

/// Brings an answer into the form of the RFC: a JSON object with the members that
/// we know, of the right types.
pub(crate) fn normalise(answer: &Answer, manifest: &Manifest) -> Result<Vec<u8>, TokenError> {
    let members = members(answer);
    if let Some(refusal) = Refusal::of(answer, members.as_ref()) {
        return Err(rejected(refusal, manifest));
    }

    let members = members.ok_or(TokenError::Malformed(
        "it is neither a JSON object nor a form",
    ))?;
    let mut known = Map::new();
    for name in ["access_token", "refresh_token", "token_type", "id_token"] {
        if let Some(text) = members
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
        {
            known.insert(name.to_owned(), text.into());
        }
    }
    if !known.contains_key("access_token") {
        return Err(TokenError::Malformed("it has no access token"));
    }
    known.entry("token_type").or_insert_with(|| "Bearer".into());
    for name in ["expires_in", "refresh_token_expires_in"] {
        if let Some(seconds) = members.get(name).and_then(seconds) {
            known.insert(name.to_owned(), seconds.into());
        }
    }
    if let Some(scope) = members.get("scope").and_then(scope) {
        known.insert("scope".to_owned(), scope.into());
    }
    Ok(Value::Object(known).to_string().into_bytes())
}

/// Makes the error; where the manifest calls it `provider_unavailable`, the provider failed while
/// it acted, whatever the status.
fn rejected(refusal: Refusal, manifest: &Manifest) -> TokenError {
    let Refusal {
        status,
        error,
        subtype,
        retry_after,
    } = refusal;
    let rule = rule(manifest, status, error.as_ref(), subtype.as_ref());
    TokenError::Rejected {
        outcome_unknown: status >= 500
            || rule.is_some_and(|rule| rule.cause == Cause::ProviderUnavailable),
        status,
        error,
        subtype,
        retry_after,
    }
}

/// Reads a life in seconds, which some providers write as a string or a fraction.
fn seconds(value: &Value) -> Option<u64> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    let life = Duration::try_from_secs_f64(seconds.clamp(0.0, MAX_LIFE.as_secs_f64()));
    life.ok().map(|life| life.as_secs())
}

/// Reads a list of scopes, which some providers write as an array, and Slack and GitHub with
/// commas. A scope may hold a comma (RFC 6749 section 3.3), so that spaces come first.
fn scope(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.contains(' ') => Some(text.replace(',', " ")),
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => {
            let words: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
            words.map(|words| words.join(" "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
