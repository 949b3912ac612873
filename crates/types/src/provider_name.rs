//! The short name of a provider, as it stands in manifests, subjects and the API.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The code of a provider, such as `gmail`: `[a-z][a-z0-9_]{0,31}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderName(String);

impl ProviderName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A string that can't be the name of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a provider name is a lower-case letter followed by at most 31 of a-z, 0-9 and _")]
pub struct InvalidProviderName;

impl TryFrom<String> for ProviderName {
    type Error = InvalidProviderName;

    fn try_from(name: String) -> Result<Self, InvalidProviderName> {
        let tail_is_valid = name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if name.starts_with(|first: char| first.is_ascii_lowercase())
            && tail_is_valid
            && name.len() <= 32
        {
            Ok(Self(name))
        } else {
            Err(InvalidProviderName)
        }
    }
}

impl FromStr for ProviderName {
    type Err = InvalidProviderName;

    fn from_str(name: &str) -> Result<Self, InvalidProviderName> {
        Self::try_from(name.to_owned())
    }
}

impl From<ProviderName> for String {
    fn from(name: ProviderName) -> Self {
        name.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_break_a_subject_or_a_path_is_refused() {
        let too_long = "a".repeat(33);
        for name in [
            "", "Gmail", "1drive", "_x", "a.b", "a/b", "a b", "gmail>", &too_long,
        ] {
            assert!(name.parse::<ProviderName>().is_err(), "{name:?}");
        }
        assert!("ms365_mail".parse::<ProviderName>().is_ok());
    }
}
