//! What can go wrong between Work API and a token endpoint.

use std::fmt;
use std::time::Duration;

use crate::http_client::MAX_BODY_BYTES;

/// Why a code or refresh token was not exchanged.
///
/// No message holds a token, a secret or any text of the provider's but its
/// error code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The provider answered with an error, whatever the status (RFC 6749 section
    /// 5.2, and providers that send errors with status 200).
    #[error(
        "the token endpoint answered status {status}, error `{}`",
        error.as_ref().map_or("none", ErrorCode::as_str)
    )]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The `error` member of the answer, if it has one that is a code.
        error: Option<ErrorCode>,
        /// What refines it: Google's `error_subtype`, Microsoft's `suberror`.
        subtype: Option<ErrorCode>,
        /// How long the provider asks to be left alone.
        retry_after: Option<Duration>,
        /// Whether the provider failed while it acted on the request: a status from
        /// 500 on, or what its manifest calls `provider_unavailable`.
        outcome_unknown: bool,
    },
    /// There was no complete answer.
    #[error("the exchange with the token endpoint failed")]
    Transport(#[from] TransportError),
    /// The provider answered success, but the answer holds no tokens.
    #[error("the token endpoint's answer can't be understood: {0}")]
    Malformed(&'static str),
}

impl TokenError {
    /// Tells whether the provider may have acted on the request, so that a code
    /// may be spent and a refresh token rotated although no new tokens arrived.
    pub fn may_have_taken_effect(&self) -> bool {
        match self {
            Self::Rejected {
                outcome_unknown, ..
            } => *outcome_unknown,
            Self::Transport(error) => !matches!(error, TransportError::NotSent(_)),
            Self::Malformed(_) => true,
        }
    }

    /// Returns how long the provider asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rejected { retry_after, .. } => *retry_after,
            Self::Transport(_) | Self::Malformed(_) => None,
        }
    }
}

/// Why a request was not answered completely.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// There was no connection: the provider has not seen the request.
    #[error("the provider could not be reached")]
    NotSent(#[source] reqwest::Error),
    /// The connection ended after the request, or a part of it, was sent.
    #[error("the connection broke before the provider's answer was complete")]
    Broken(#[source] reqwest::Error),
    /// The deadline passed.
    #[error("the provider did not answer completely within {0:?}")]
    TimedOut(Duration),
    /// The answer was too long to be read.
    #[error("the provider's answer is longer than {MAX_BODY_BYTES} bytes")]
    TooLarge,
}

/// An error code of the OAuth protocol, such as `invalid_grant`: 1 to 64 of
/// letters, digits, `_`, `-` and `.`.
///
/// The RFC allows more; the rest is how a provider might smuggle a sentence, an
/// address or a token into our logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorCode(String);

impl ErrorCode {
    const MAX_LENGTH: usize = 64;

    /// Takes the `error` member of an answer; `None` if it is no code.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let valid = (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(allowed);
        valid.then(|| Self(text.to_owned()))
    }

    /// Returns the code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_code_is_a_short_word() {
        for text in ["invalid_grant", "AADSTS700082", "bad-token.1"] {
            assert_eq!(ErrorCode::parse(text).unwrap().as_str(), text);
        }
        let long = "x".repeat(65);
        for text in [
            "",
            "token 1//abc is gone",
            "ann@example.test",
            "a\nb",
            "é",
            &long,
        ] {
            assert_eq!(ErrorCode::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_a_clear_refusal_is_known_to_have_no_effect() {
        let rejected = |outcome_unknown| TokenError::Rejected {
            status: 400,
            error: None,
            subtype: None,
            retry_after: None,
            outcome_unknown,
        };

        assert!(!rejected(false).may_have_taken_effect());
        assert!(rejected(true).may_have_taken_effect());
        assert!(TokenError::Malformed("x").may_have_taken_effect());
        assert!(TokenError::from(TransportError::TooLarge).may_have_taken_effect());
    }
}
