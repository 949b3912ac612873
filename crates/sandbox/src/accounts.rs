//! The two accounts that everyone can choose on the consent page.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An account of the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Account {
    /// `ann@example.test`
    Ann,
    /// `bo@example.test`
    Bo,
}

impl Account {
    /// Every account, in the order of the consent page.
    pub(crate) const ALL: [Self; 2] = [Self::Ann, Self::Bo];

    /// Returns the address, which is the `email` claim.
    pub(crate) fn email(self) -> &'static str {
        match self {
            Self::Ann => "ann@example.test",
            Self::Bo => "bo@example.test",
        }
    }

    /// Returns the stable identifier, which is the `sub` claim.
    pub(crate) fn subject(self) -> &'static str {
        match self {
            Self::Ann => "100000000000000000001",
            Self::Bo => "100000000000000000002",
        }
    }

    /// Returns the name that the consent page shows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ann => "Ann Example",
            Self::Bo => "Bo Example",
        }
    }
}

/// The address belongs to no account of the sandbox.
#[derive(Debug, thiserror::Error)]
#[error("unknown account, expected `ann@example.test` or `bo@example.test`")]
pub(crate) struct UnknownAccount;

impl FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(email: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|account| account.email() == email)
            .ok_or(UnknownAccount)
    }
}
