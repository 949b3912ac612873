//! The records of this service and the words they are made of.

use time::OffsetDateTime;
use workapi_errors::Error;
use workapi_types::{EnvironmentGuid, IntegrationId, MediaType, ProviderName, UserId};

use crate::tokens::EnvironmentKey;

/// The longest name of a user or an environment, in bytes.
const MAX_NAME_LENGTH: usize = 255;

/// The developer's own name for a user: 1 to 255 bytes, unique within its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArbitraryId(String);

impl ArbitraryId {
    /// Checks a name that a client sent.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        checked_name("arbitrary_id", text).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the developer calls an environment: 1 to 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvironmentName(String);

impl EnvironmentName {
    /// Checks a name that a client sent.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        checked_name("name", text).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Refuses what does not fit its column; PostgreSQL's text can't hold a NUL character.
fn checked_name(field: &str, text: &str) -> Result<String, Error> {
    if text.is_empty() || text.len() > MAX_NAME_LENGTH {
        let specifics = format!("{field} must be 1 to {MAX_NAME_LENGTH} bytes long");
        return Err(Error::bad_request(specifics));
    }
    if text.contains('\0') {
        let specifics = format!("{field} must not contain a NUL character");
        return Err(Error::bad_request(specifics));
    }
    Ok(text.to_owned())
}

/// A named set of credentials and users of a developer.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    pub(crate) guid: EnvironmentGuid,
    pub(crate) name: String,
    pub(crate) public_key: EnvironmentKey,
    pub(crate) created_at: OffsetDateTime,
}

/// An end user, with a token that was made for this answer.
#[derive(Clone, Debug)]
pub(crate) struct SignedInUser {
    pub(crate) id: UserId,
    pub(crate) arbitrary_id: String,
    pub(crate) token: String,
}

/// One connection of a user to a provider account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Integration {
    pub(crate) id: IntegrationId,
    pub(crate) kind: Kind,
    /// The account's display name at the provider; `None` until connected.
    pub(crate) provider_id: Option<String>,
}

/// What an integration connects to: a provider, and a media type that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) provider: ProviderName,
    pub(crate) media_type: MediaType,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arbitrary_id_is_measured_in_bytes() {
        let longest = "é".repeat(127) + "x";

        assert!(ArbitraryId::parse(&longest).is_ok());
        assert!(ArbitraryId::parse(&"é".repeat(128)).is_err());
        assert!(ArbitraryId::parse("").is_err());
        assert!(ArbitraryId::parse("a\0b").is_err());
    }
}
