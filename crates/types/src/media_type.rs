//! Media types: the domain that an integration serves.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The domain of an integration (contract section 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    /// Mailboxes and messages.
    Email,
    /// Calendars and events.
    Event,
    /// Files and folders.
    File,
}

impl MediaType {
    /// Every media type, in the order in which they are named to users.
    pub const ALL: [Self; 3] = [Self::Email, Self::Event, Self::File];

    /// Returns the name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Event => "event",
            Self::File => "file",
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no media type's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown media type; allowed: email, event, file")]
pub struct UnknownMediaType;

impl FromStr for MediaType {
    type Err = UnknownMediaType;

    fn from_str(name: &str) -> Result<Self, UnknownMediaType> {
        Self::ALL
            .into_iter()
            .find(|media_type| media_type.as_str() == name)
            .ok_or(UnknownMediaType)
    }
}
