//! The states of a credential (refresh protocol, section 1).

use std::fmt;

use workapi_providers::{Action, Cause};

use crate::Error;

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
    /// Every state.
    pub const ALL: [Self; 6] = [
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

    /// Returns what has to be done about a credential that is in this state for this reason:
    /// time alone does not mend what is configured wrongly.
    pub fn action_for(self, cause: Option<Cause>) -> Action {
        match (self, cause) {
            (Self::RefreshFailing, Some(Cause::OperatorConfig)) => Action::Operator,
            _ => self.action(),
        }
    }

    /// Returns the state of that name, if there is one.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Reads a state as the database has it.
    pub(crate) fn stored(name: &str) -> Result<Self, Error> {
        Self::parse(name).ok_or(Error::Corrupt("state"))
    }
}

/// Reads a cause as the database has it.
pub(crate) fn stored_cause(name: Option<&str>) -> Result<Option<Cause>, Error> {
    name.map(str::parse)
        .transpose()
        .map_err(|_| Error::Corrupt("cause"))
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_wrongly_is_the_operators_matter_while_it_fails() {
        let wrong = Some(Cause::OperatorConfig);
        let overload = Some(Cause::ProviderUnavailable);

        assert_eq!(State::RefreshFailing.action_for(wrong), Action::Operator);
        assert_eq!(State::RefreshFailing.action_for(overload), Action::Wait);
        assert_eq!(State::NeedsReconnect.action_for(wrong), Action::Reconnect);
        assert_eq!(State::Active.action_for(None), Action::None);
    }
}
