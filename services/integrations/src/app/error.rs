//! Why a use case did not succeed, and what of it a client is told.

use std::error::Error as _;
use std::time::Duration;

use workapi_errors::Error as Refusal;

use crate::{store, tokens};

/// How long a client should leave us alone while the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a use case did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The client has to do something else.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A user token could not be signed.
    #[error(transparent)]
    Signing(#[from] tokens::SigningError),
}

impl Error {
    /// Logs what somebody other than the client has to know. Called once, where the error ends.
    pub(super) fn log(&self) {
        match self {
            Self::Refused(_) => {}
            Self::Store(error) if error.is_transient() => {
                tracing::warn!(cause = ?error.source(), "the database is away or overloaded");
            }
            Self::Store(error) => {
                tracing::error!(cause = ?error.source(), "a database statement failed");
            }
            Self::Signing(error) => {
                tracing::error!(%error, cause = ?error.source(), "a user got no token");
            }
        }
    }
}

impl From<Error> for tonic::Status {
    /// Logs the error and returns what the client is told of it.
    fn from(error: Error) -> Self {
        error.log();
        let refusal = match error {
            Error::Refused(refusal) => refusal,
            Error::Store(error) if error.is_transient() => {
                Refusal::unavailable("the database can't be reached", RETRY_AFTER)
            }
            Error::Store(_) | Error::Signing(_) => Refusal::internal(),
        };
        refusal.into()
    }
}
