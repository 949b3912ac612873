//! What a key may be used for.

use std::fmt;
use std::str::FromStr;

/// What a ring key seals. A program without the key of a purpose cannot read
/// what was sealed for it, whatever it may read in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Access tokens of providers.
    Access,
    /// Refresh tokens of providers.
    Refresh,
    /// Client secrets of provider configs.
    Client,
    /// Authorization states in Redis.
    State,
    /// Private keys that sign user tokens.
    Signing,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 5] = [
        Self::Access,
        Self::Refresh,
        Self::Client,
        Self::State,
        Self::Signing,
    ];

    /// Returns the name that the key ring file uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
            Self::Client => "client",
            Self::State => "state",
            Self::Signing => "signing",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == name)
            .ok_or(UnknownPurpose)
    }
}

/// A name that is no purpose. It is not quoted, because it may be a misplaced key.
#[derive(Debug, thiserror::Error)]
#[error("a purpose is one of access, refresh, client, state, signing")]
pub struct UnknownPurpose;
