//! The closed list of ways in which an authorization ends (interfaces section 6).

use workapi_proto::auth::v1::AuthorizationOutcome;

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $words:literal;)*) => {
        /// How an authorization ended, as its user is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Outcome {
            $($(#[$doc])* $name,)*
        }

        impl Outcome {
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the public code.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns the words that follow the code where a developer reads them.
            pub(crate) const fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }

        impl From<Outcome> for AuthorizationOutcome {
            fn from(outcome: Outcome) -> Self {
                match outcome { $(Outcome::$name => Self::$name,)* }
            }
        }
    };
}

outcomes! {
    /// The integration is connected.
    Success = "success", "the integration is connected";
    /// The user said no.
    AccessDenied = "access_denied", "the user did not agree";
    /// Both or neither of `code` and `error`.
    InvalidRequest = "invalid_request", "exactly one of code and error is needed, once";
    /// The state is unknown, used or too old.
    InvalidState = "invalid_state", "the authorization is unknown, used or too old";
    /// The answer came from another authorization server.
    IssuerMismatch = "issuer_mismatch", "the answer came from another authorization server";
    /// The provider refused the code.
    ExchangeFailed = "exchange_failed", "the provider refused the code; start again with a new one";
    /// Offline access was asked for and no refresh token came.
    NoRefreshToken = "no_refresh_token",
        "the provider gave no refresh token; remove the app's access at the provider and connect again";
    /// The integration is connected to another account.
    AccountMismatch = "account_mismatch",
        "the integration is connected to another account; connect that one, or create another integration";
    /// The provider did not say whose account it is.
    AccountUnknown = "account_unknown", "the provider did not say whose account it is";
    /// The integration was deleted meanwhile.
    IntegrationDeleted = "integration_deleted", "the integration was deleted";
    /// The provider could not be reached.
    ProviderUnavailable = "provider_unavailable", "the provider could not be reached; try again later";
    /// The provider reported an error.
    ProviderError = "provider_error", "the provider reported an error";
}

impl Outcome {
    /// Returns the outcome with the given code.
    pub(crate) fn parse(code: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|outcome| outcome.as_str() == code)
    }
}
