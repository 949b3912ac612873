//! Scopes as the protocol writes them: space-delimited names.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// A set of scope names in the order in which they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scope(Vec<String>);

impl Scope {
    /// Parses the `scope` parameter.
    ///
    /// # Errors
    /// When a name has a character that RFC 6749 section 3.3 does not allow.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut names = Vec::new();
        for name in text.split(' ').filter(|name| !name.is_empty()) {
            if !name.bytes().all(is_scope_byte) {
                return Err(Refusal::InvalidScope("the scope has a forbidden character"));
            }
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Ok(Self(names))
    }

    /// Tells whether the set has this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }

    /// Tells whether every name is also in `granted`.
    pub(crate) fn is_within(&self, granted: &Self) -> bool {
        self.0.iter().all(|name| granted.has(name))
    }

    /// Returns the names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(" "))
    }
}

fn is_scope_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_order_and_lose_their_duplicates() {
        let scope = Scope::parse("openid  email openid").unwrap();

        assert_eq!(scope.to_string(), "openid email");
    }

    #[test]
    fn a_name_with_a_forbidden_character_is_refused() {
        for text in ["a\"b", "a\\b", "a\tb", "é"] {
            assert!(Scope::parse(text).is_err(), "{text:?}");
        }
    }
}
