//! Why there is no access token.

use std::time::Duration;

use workapi_providers::{Action, Cause};

use crate::Error;

/// Why there is no access token that can be used, and what has to happen.
#[derive(Debug, thiserror::Error)]
pub enum OnDemandError {
    /// The integration is not connected (yet).
    #[error("the integration is not connected")]
    NotConnected,
    /// The integration is deleted.
    #[error("the integration is deleted")]
    Deleted,
    /// Only the user can bring the credential back.
    #[error("the integration has to be connected again: {cause}")]
    NeedsReconnect {
        /// Why.
        cause: Cause,
    },
    /// Only an operator can bring the credential back.
    #[error("the credential needs an operator: {cause}")]
    NeedsOperator {
        /// Why.
        cause: Cause,
    },
    /// It is being refreshed, or will be: ask again later (503 with Retry-After).
    #[error("the access token can't be refreshed at the moment")]
    Unavailable {
        /// Why, if a refresh has failed.
        cause: Option<Cause>,
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// The vault failed. If it is away ([`Error::is_unavailable`]), ask again later.
    #[error(transparent)]
    Vault(#[from] Error),
}

impl OnDemandError {
    /// How long a caller should leave a vault alone that is away.
    pub(crate) const PAUSE: Duration = Duration::from_secs(1);

    /// Returns what has to happen before there is an access token.
    pub fn action(&self) -> Action {
        match self {
            Self::NotConnected | Self::NeedsReconnect { .. } => Action::Reconnect,
            Self::Deleted => Action::None,
            Self::Unavailable { .. } => Action::Wait,
            Self::Vault(error) if error.is_unavailable() => Action::Wait,
            Self::NeedsOperator { .. } | Self::Vault(_) => Action::Operator,
        }
    }

    /// Returns why, from the closed list of causes.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::NotConnected | Self::Deleted => None,
            Self::NeedsReconnect { cause } | Self::NeedsOperator { cause } => Some(*cause),
            Self::Unavailable { cause, .. } => *cause,
            Self::Vault(_) => Some(Cause::Internal),
        }
    }

    /// Returns when it is worth asking again; `None` when time alone changes nothing.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => Some(*retry_after),
            Self::Vault(error) if error.is_unavailable() => Some(Self::PAUSE),
            _ => None,
        }
    }
}
