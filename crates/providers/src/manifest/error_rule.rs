//! What an error of the token endpoint means.

use serde::Deserialize;

use crate::error::KeyError;
use crate::{Action, Cause};

/// Says what an answer with this status, this `error` member and this subtype means.
/// A condition that is absent always holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ErrorRule {
    /// The HTTP status.
    pub status: Option<u16>,
    /// The `error` member of the body.
    pub error: Option<String>,
    /// What refines it: the member `error_subtype` at Google, `suberror` at Microsoft.
    pub subtype: Option<String>,
    /// Why it happened. [`Cause::ProviderUnavailable`] says as well that the provider
    /// may have acted on the request all the same.
    pub cause: Cause,
    /// Who can do something about it.
    pub action: Action,
}

impl ErrorRule {
    /// Tells whether the rule is about this answer.
    pub fn matches(&self, status: u16, error: Option<&str>, subtype: Option<&str>) -> bool {
        self.status.is_none_or(|expected| expected == status)
            && (self.error.is_none() || self.error.as_deref() == error)
            && (self.subtype.is_none() || self.subtype.as_deref() == subtype)
    }

    /// Checks the rule; `index` names it in errors.
    pub(super) fn validate(&self, index: usize) -> Result<(), KeyError> {
        if self.status.is_none() && self.error.is_none() {
            let reason = "needs `status`, `error` or both";
            return Err(KeyError::new(format!("errors[{index}]"), reason));
        }
        if self.subtype.is_some() && self.error.is_none() {
            let key = format!("errors[{index}].subtype");
            return Err(KeyError::new(key, "needs `error`, which it refines"));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(status: Option<u16>, error: Option<&str>, subtype: Option<&str>) -> ErrorRule {
        ErrorRule {
            status,
            error: error.map(str::to_owned),
            subtype: subtype.map(str::to_owned),
            cause: Cause::AdminPolicy,
            action: Action::Reconnect,
        }
    }

    #[test]
    fn a_subtype_has_to_be_the_same_where_a_rule_names_one() {
        let rule = rule(None, Some("invalid_grant"), Some("invalid_rapt"));

        assert!(rule.matches(400, Some("invalid_grant"), Some("invalid_rapt")));
        assert!(!rule.matches(400, Some("invalid_grant"), Some("other")));
        assert!(!rule.matches(400, Some("invalid_grant"), None));
        assert!(!rule.matches(400, Some("other"), Some("invalid_rapt")));
    }

    #[test]
    fn a_rule_without_a_subtype_is_about_every_one() {
        let rule = rule(None, Some("invalid_grant"), None);

        assert!(rule.matches(400, Some("invalid_grant"), Some("invalid_rapt")));
    }

    #[test]
    fn a_subtype_alone_is_refused() {
        let refusal = rule(Some(400), None, Some("invalid_rapt")).validate(3);

        let refusal = refusal.unwrap_err().in_file("files.toml").to_string();
        assert!(
            refusal.contains("`errors[3].subtype`: needs `error`"),
            "{refusal}"
        );
    }
}
