//! What an error of the token endpoint means.

use serde::Deserialize;

use crate::error::KeyError;
use crate::{Action, Cause};

/// Says what an answer with this status and this `error` member means. A
/// condition that is absent always holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ErrorRule {
    /// The HTTP status.
    pub status: Option<u16>,
    /// The `error` member of the body.
    pub error: Option<String>,
    /// Why it happened.
    pub cause: Cause,
    /// Who can do something about it.
    pub action: Action,
}

impl ErrorRule {
    /// Tells whether the rule is about this answer.
    pub fn matches(&self, status: u16, error: Option<&str>) -> bool {
        self.status.is_none_or(|expected| expected == status)
            && (self.error.is_none() || self.error.as_deref() == error)
    }

    /// Checks the rule; `index` names it in errors.
    pub(super) fn validate(&self, index: usize) -> Result<(), KeyError> {
        if self.status.is_none() && self.error.is_none() {
            let reason = "needs `status`, `error` or both";
            return Err(KeyError::new(format!("errors[{index}]"), reason));
        }
        if self
            .status
            .is_some_and(|status| !(100..600).contains(&status))
        {
            let key = format!("errors[{index}].status");
            return Err(KeyError::new(key, "must be an HTTP status"));
        }
        Ok(())
    }
}
