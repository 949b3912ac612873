//! Identifiers. Each parses strictly: a string that is not exactly the
//! canonical form is no id, and callers answer "not found".

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// A string that is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id")]
pub struct InvalidId {
    kind: &'static str,
}

/// Writes 24 lower-case hexadecimal digits: creation second, then 64 random bits.
///
/// The shape is the original service's (contract section 1.4).
fn object_id(created_at: OffsetDateTime) -> String {
    let seconds = u32::try_from(created_at.unix_timestamp()).unwrap_or_default();
    format!("{seconds:08x}{:016x}", rand::random::<u64>())
}

fn is_object_id(text: &str) -> bool {
    text.len() == 24
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Makes a new id for an object created at `created_at`.
            pub fn new(created_at: OffsetDateTime) -> Self {
                Self(object_id(created_at))
            }

            /// Returns the 24 hexadecimal digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if is_object_id(&text) { Ok(Self(text)) } else { Err(InvalidId { kind: $kind }) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

object_id! {
    /// Names an end user of one environment: 24 lower-case hexadecimal digits.
    UserId, "user"
}

object_id! {
    /// Names one connection of a user to a provider account: 24 lower-case
    /// hexadecimal digits. The vault's credential goes by the same id.
    IntegrationId, "integration"
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to be such an id.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// Returns the UUID.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Parses the hyphenated lower-case form only.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { kind: $kind };
                let id = Uuid::try_parse(text).map_err(|_| invalid)?;
                let mut canonical = Uuid::encode_buffer();
                if id.hyphenated().encode_lower(&mut canonical) == text { Ok(Self(id)) } else { Err(invalid) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id! {
    /// Names an environment (contract section 1.1): a lower-case, hyphenated UUID.
    EnvironmentGuid, "environment"
}

impl EnvironmentGuid {
    /// Makes a new random guid.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

uuid_id! {
    /// Names one OAuth client that an environment has at a provider.
    ProviderConfigId, "provider config"
}

impl ProviderConfigId {
    /// Makes a new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

uuid_id! {
    /// Names one consent of one user: new at every connect and reconnect.
    ///
    /// A `UUIDv7` made from PostgreSQL's clock, so that the order of ids is the order
    /// of the grants (refresh protocol, section 6).
    GrantId, "grant"
}

uuid_id! {
    /// Names one attempt to rotate a credential at its provider.
    AttemptId, "attempt"
}

impl AttemptId {
    /// Makes a new id, ordered by time.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for AttemptId {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_integration_id_parses_back() {
        let id = IntegrationId::new(OffsetDateTime::UNIX_EPOCH);

        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert!(id.as_str().starts_with("00000000"));
    }

    #[test]
    fn only_the_canonical_form_of_an_id_is_accepted() {
        for text in [
            "",
            "64b7",
            "64B7F0C2A1D3E4F5A6B7C8D9",
            "64b7f0c2a1d3e4f5a6b7c8d9 ",
            "64b7f0c2a1d3e4f5a6b7c8dg",
        ] {
            assert!(text.parse::<IntegrationId>().is_err(), "{text:?}");
        }
        for text in [
            "",
            "3F0C2B9E-5a7d-4c11-9b1e-0d2f4a6c8e10",
            "3f0c2b9e5a7d4c119b1e0d2f4a6c8e10",
            "{3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10}",
        ] {
            assert!(text.parse::<EnvironmentGuid>().is_err(), "{text:?}");
        }
        assert!(
            "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10"
                .parse::<EnvironmentGuid>()
                .is_ok()
        );
    }
}
