//! The two kinds of token that clients bring: APTs, which developers sign, and user tokens,
//! which this service signs.

mod apt;
mod environment_key;
mod signing_key;
mod user_token;

pub(crate) use apt::{Apt, AptUser};
pub(crate) use environment_key::EnvironmentKey;
pub(crate) use signing_key::{Error as SigningKeyError, SealedSigningKey, SigningKey};
pub use user_token::Settings as UserTokenSettings;
pub(crate) use user_token::{Error as SigningError, UserTokens};

use workapi_errors::Error;

/// How far the clocks of others may be off, in seconds.
const LEEWAY_SECONDS: i64 = 60;

/// Makes the one answer to every token that is not accepted; it does not say why.
pub(crate) fn invalid_token() -> Error {
    Error::invalid_token("invalid token")
}
