//! Why a use case did not succeed, and what of it a client is told.

use std::error::Error as _;
use std::time::Duration;

use workapi_errors::Error as Refusal;

/// How long a client should leave us alone while something that we need is away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a use case did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The client has to do something else.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] workapi_vault::Error),
    /// NATS failed.
    #[error(transparent)]
    Bus(#[from] workapi_bus::Error),
    /// Redis failed.
    #[error(transparent)]
    Redis(#[from] workapi_redis::Error),
    /// The state of an authorization could not be sealed or opened.
    #[error(transparent)]
    KeyRing(#[from] workapi_keyring::Error),
    /// A stored authorization is not what this program writes.
    #[error("failed to read a stored authorization")]
    Authorization(#[from] serde_json::Error),
    /// The task of an exchange ended without an outcome.
    #[error("the task of an exchange failed")]
    Task(#[from] tokio::task::JoinError),
}

impl From<tonic::Status> for Error {
    /// Passes on what another service answered.
    fn from(status: tonic::Status) -> Self {
        Self::Refused(status.into())
    }
}

impl From<Error> for tonic::Status {
    /// Logs what somebody other than the client has to know, and returns what the client is told.
    fn from(error: Error) -> Self {
        let refusal = match &error {
            Error::Refused(refusal) => return refusal.clone().into(),
            Error::Vault(vault) if vault.is_unavailable() => {
                Refusal::unavailable("the database can't be reached", RETRY_AFTER)
            }
            Error::Redis(workapi_redis::Error::Unavailable { .. }) => {
                Refusal::unavailable("the store of authorizations can't be reached", RETRY_AFTER)
            }
            _ => Refusal::internal(),
        };
        // Only what a cause displays: PostgreSQL's details, which `Debug` shows, quote rows.
        if refusal == Refusal::internal() {
            tracing::error!(%error, cause = error.source(), "a use case failed");
        } else {
            tracing::warn!(%error, cause = error.source(), "something that auth needs is away");
        }
        refusal.into()
    }
}
