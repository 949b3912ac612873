//! The states of a credential (refresh protocol, section 1).

use std::fmt;

use workapi_providers::Action;

/// The stored state of a credential. A credential that does not exist is `pending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its token is good, or is being refreshed.
    Active,
    /// Its access token ran out and refreshing fails for reasons that pass.
    RefreshFailing,
    /// Only the user can bring it back.
    NeedsReconnect,
    /// Only an operator can bring it back.
    NeedsOperator,
    /// Its integration is deleted; the provider is yet to be told.
    Revoking,
    /// Its integration is deleted, its secrets are shredded.
    Revoked,
}

impl State {
    const ALL: [Self; 6] = [
        Self::Active,
        Self::RefreshFailing,
        Self::NeedsReconnect,
        Self::NeedsOperator,
        Self::Revoking,
        Self::Revoked,
    ];

    /// Returns the state's name in the database and in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::RefreshFailing => "refresh_failing",
            Self::NeedsReconnect => "needs_reconnect",
            Self::NeedsOperator => "needs_operator",
            Self::Revoking => "revoking",
            Self::Revoked => "revoked",
        }
    }

    /// Returns what has to be done about a credential in this state.
    pub const fn action(self) -> Action {
        match self {
            Self::Active | Self::Revoking | Self::Revoked => Action::None,
            Self::RefreshFailing => Action::Wait,
            Self::NeedsReconnect => Action::Reconnect,
            Self::NeedsOperator => Action::Operator,
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
