//! The scopes that are asked for.

use serde::Deserialize;
use workapi_types::{MediaType, Scopes};

use crate::error::KeyError;

/// The `[scopes]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    #[serde(default)]
    base: Vec<ScopeToken>,
    email: Option<Vec<ScopeToken>>,
    event: Option<Vec<ScopeToken>>,
    file: Option<Vec<ScopeToken>>,
}

impl Table {
    /// Checks that each of `media_types` has its list.
    pub(super) fn validate(&self, media_types: &[MediaType]) -> Result<(), KeyError> {
        match media_types.iter().find(|&&one| self.list(one).is_none()) {
            None => Ok(()),
            Some(missing) => {
                let reason = "is needed, because `media_types` has it; it may be empty";
                Err(KeyError::new(format!("scopes.{missing}"), reason))
            }
        }
    }

    /// Returns all scopes to ask for.
    pub(super) fn of(&self, media_type: MediaType) -> Scopes {
        let list = self.list(media_type).into_iter().flatten();
        self.base.iter().chain(list).map(|token| &token.0).collect()
    }

    fn list(&self, media_type: MediaType) -> Option<&[ScopeToken]> {
        match media_type {
            MediaType::Email => self.email.as_deref(),
            MediaType::Event => self.event.as_deref(),
            MediaType::File => self.file.as_deref(),
        }
    }
}

/// One scope (RFC 6749 section 3.3).
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct ScopeToken(String);

impl TryFrom<String> for ScopeToken {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if !text.is_empty() && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidScope)
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a scope is one word of visible ASCII characters without \" and \\")]
struct InvalidScope;
