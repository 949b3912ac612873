//! What an error of the token endpoint means (refresh protocol, section 8).

use workapi_providers::{Action, Cause, ErrorRule, Manifest};

use crate::error::{ErrorCode, TokenError};

/// Why a credential could not be refreshed, and who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classification {
    /// Why.
    pub cause: Cause,
    /// What has to happen.
    pub action: Action,
}

/// Says what an error means: by the first rule of the manifest that matches the
/// status, the error code and its subtype, else by what the RFCs say. The text for
/// people is never read.
///
/// A code that nobody knows is [`Cause::Unknown`] with [`Action::Wait`]: it is tried
/// again, and the caller counts the failures.
pub fn classify(manifest: &Manifest, error: &TokenError) -> Classification {
    let TokenError::Rejected {
        status,
        error,
        subtype,
        ..
    } = error
    else {
        return means(Cause::ProviderUnavailable, Action::Wait);
    };
    meaning(manifest, *status, error.as_ref(), subtype.as_ref())
}

/// Says what a refusal means.
pub(crate) fn meaning(
    manifest: &Manifest,
    status: u16,
    error: Option<&ErrorCode>,
    subtype: Option<&ErrorCode>,
) -> Classification {
    rule(manifest, status, error, subtype).map_or_else(
        || standard(status, error.map(ErrorCode::as_str)),
        |rule| means(rule.cause, rule.action),
    )
}

/// Returns the first rule of the manifest about a refusal.
pub(crate) fn rule<'a>(
    manifest: &'a Manifest,
    status: u16,
    error: Option<&ErrorCode>,
    subtype: Option<&ErrorCode>,
) -> Option<&'a ErrorRule> {
    let error = error.map(ErrorCode::as_str);
    let subtype = subtype.map(ErrorCode::as_str);
    manifest
        .errors
        .iter()
        .find(|rule| rule.matches(status, error, subtype))
}

/// Tells whether the provider clearly refused the client, before it looked at anything
/// else: another secret may fare better.
pub(crate) fn blames_client(manifest: &Manifest, error: &TokenError) -> bool {
    classify(manifest, error).cause == Cause::OperatorConfig && !error.may_have_taken_effect()
}

/// RFC 6749 section 5.2, RFC 6585 section 4, `OpenID` Connect Core section 3.1.2.6.
fn standard(status: u16, code: Option<&str>) -> Classification {
    match (status, code) {
        (429, _) | (_, Some("slow_down")) => means(Cause::RateLimited, Action::Wait),
        (408 | 500.., _) | (_, Some("server_error" | "temporarily_unavailable")) => {
            means(Cause::ProviderUnavailable, Action::Wait)
        }
        // The code tells that the grant is dead, but not what killed it.
        (_, Some("invalid_grant")) => means(Cause::Unknown, Action::Reconnect),
        (_, Some("invalid_client" | "unauthorized_client" | "unsupported_grant_type"))
        | (401, None) => means(Cause::OperatorConfig, Action::Operator),
        (_, Some("consent_required" | "interaction_required" | "login_required")) => {
            means(Cause::ConsentRequired, Action::Reconnect)
        }
        _ => means(Cause::Unknown, Action::Wait),
    }
}

fn means(cause: Cause, action: Action) -> Classification {
    Classification { cause, action }
}

#[cfg(test)]
mod tests {
    use workapi_providers::Catalogue;

    use super::*;
    use crate::TransportError;

    fn meaning(status: u16, code: Option<&str>) -> (Cause, Action) {
        let catalogue = Catalogue::load(None, None).unwrap();
        let error = TokenError::Rejected {
            status,
            error: code.map(|code| ErrorCode::parse(code).unwrap()),
            subtype: None,
            retry_after: None,
            outcome_unknown: status >= 500,
        };
        let classification = classify(catalogue.find("gmail").unwrap(), &error);
        (classification.cause, classification.action)
    }

    #[test]
    fn a_rule_of_the_manifest_comes_first() {
        assert_eq!(
            meaning(400, Some("admin_policy_enforced")),
            (Cause::AdminPolicy, Action::Operator)
        );
        assert_eq!(
            meaning(403, Some("rate_limit_exceeded")),
            (Cause::RateLimited, Action::Wait)
        );
    }

    #[test]
    fn a_dead_grant_needs_the_user() {
        assert_eq!(
            meaning(400, Some("invalid_grant")),
            (Cause::Unknown, Action::Reconnect)
        );
        assert_eq!(
            meaning(400, Some("interaction_required")),
            (Cause::ConsentRequired, Action::Reconnect)
        );
    }

    #[test]
    fn a_wrong_client_needs_the_operator_and_never_the_user() {
        for (status, code) in [
            (401, Some("invalid_client")),
            (400, Some("invalid_client")),
            (400, Some("unauthorized_client")),
            (400, Some("unsupported_grant_type")),
            (401, None),
        ] {
            assert_eq!(
                meaning(status, code),
                (Cause::OperatorConfig, Action::Operator)
            );
        }
    }

    #[test]
    fn trouble_of_the_provider_needs_time() {
        assert_eq!(meaning(429, None), (Cause::RateLimited, Action::Wait));
        for (status, code) in [
            (500, Some("invalid_grant")),
            (503, None),
            (408, None),
            (400, Some("temporarily_unavailable")),
        ] {
            assert_eq!(
                meaning(status, code),
                (Cause::ProviderUnavailable, Action::Wait)
            );
        }
    }

    #[test]
    fn what_nobody_knows_is_tried_again() {
        for (status, code) in [
            (400, Some("invalid_request")),
            (403, None),
            (302, None),
            (200, Some("weird")),
        ] {
            assert_eq!(meaning(status, code), (Cause::Unknown, Action::Wait));
        }
    }

    #[test]
    fn a_lost_answer_needs_time() {
        let catalogue = Catalogue::load(None, None).unwrap();
        let manifest = catalogue.find("gmail").unwrap();

        for error in [
            TokenError::Malformed("it has no access token"),
            TransportError::TooLarge.into(),
        ] {
            let classification = classify(manifest, &error);
            assert_eq!(classification.cause, Cause::ProviderUnavailable);
            assert_eq!(classification.action, Action::Wait);
        }
    }
}
