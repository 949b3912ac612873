//! Why a credential is not well, and who can do something about it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Defines an enum whose values have one name in manifests, the database and
/// events.
macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl $type {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(name: &str) -> Result<Self, UnknownName> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnknownName),
                }
            }
        }
    };
}

/// A name that no cause or action has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a known cause or action")]
pub struct UnknownName;

named! {
    /// Why a credential is not well. The list is closed (refresh protocol,
    /// section 1).
    Cause {
        /// The user took the consent back.
        RevokedByUser = "revoked_by_user",
        /// An administrator of the user's organisation forbids it.
        AdminPolicy = "admin_policy",
        /// The refresh token was not used for too long.
        IdleExpired = "idle_expired",
        /// The consent reached its fixed end.
        AbsoluteExpired = "absolute_expired",
        /// The user's password was changed.
        PasswordChange = "password_change",
        /// The grant covers less than it did.
        ScopeReduced = "scope_reduced",
        /// The provider dropped the token because there were too many.
        TokenLimit = "token_limit",
        /// The provider regards the client as being in test, which limits its grants.
        AppInTesting = "app_in_testing",
        /// The provider wants a second factor.
        MfaRequired = "mfa_required",
        /// The provider wants the user's consent again.
        ConsentRequired = "consent_required",
        /// The answer to a rotation was lost, and with it the successor of a
        /// single-use token.
        AmbiguousRotation = "ambiguous_rotation",
        /// The client's registration or secret is wrong, which is not the user's doing.
        OperatorConfig = "operator_config",
        /// The provider did not say why.
        Unknown = "unknown",
        /// The provider does not answer, or answers that it cannot.
        ProviderUnavailable = "provider_unavailable",
        /// The provider asks for fewer requests.
        RateLimited = "rate_limited",
        /// The fault is in Work API.
        Internal = "internal",
    }
}

named! {
    /// What has to happen before the credential is well again.
    Action {
        /// Nothing.
        None = "none",
        /// Nothing but time: it is tried again.
        Wait = "wait",
        /// The user connects the account again.
        Reconnect = "reconnect",
        /// Whoever operates Work API, or the client at the provider, changes something.
        Operator = "operator",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back() {
        for cause in Cause::ALL {
            assert_eq!(cause.as_str().parse(), Ok(*cause));
        }
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
    }

    #[test]
    fn a_name_outside_the_list_is_refused() {
        assert_eq!("revoked".parse::<Cause>(), Err(UnknownName));
        assert_eq!("".parse::<Action>(), Err(UnknownName));
    }
}
