//! What a call tells about its provider.

use std::time::Duration;

use workapi_oauth::{TokenAnswer, TokenError, classify};
use workapi_providers::{Cause, Manifest};

/// The longest that a provider is left alone because it asks for it.
const LONGEST_PEACE: Duration = Duration::from_hours(24);

/// What a call tells about its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing: it was not sent.
    Unsent,
    /// It copes. Whether it said yes is another matter.
    Answered,
    /// It does not, or says that it is asked too much.
    Overloaded {
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    /// Reads it off an answer of the token endpoint.
    pub(crate) fn of(manifest: &Manifest, answer: &Result<TokenAnswer, TokenError>) -> Self {
        let Err(error) = answer else {
            return Self::Answered;
        };
        match classify(manifest, error).cause {
            Cause::RateLimited | Cause::ProviderUnavailable => Self::Overloaded {
                retry_after: error.retry_after().map(|asked| asked.min(LONGEST_PEACE)),
            },
            _ => Self::Answered,
        }
    }
}
