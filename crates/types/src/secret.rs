//! Secrets of the OAuth protocol. None can be serialised or printed: the value
//! leaves only through `expose`, which is easy to search for.

use secrecy::{ExposeSecret, SecretString};

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// Wraps a secret value.
            pub fn new(value: impl Into<String>) -> Self {
                Self(SecretString::from(value.into()))
            }

            /// Returns the value, to be sent or sealed and never to be logged.
            pub fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

secret! {
    /// A provider's access token (RFC 6749 section 1.4).
    AccessToken
}

secret! {
    /// A provider's refresh token (RFC 6749 section 1.5).
    RefreshToken
}

secret! {
    /// An `OpenID` Connect ID token: it names a person, so it is kept like a secret.
    IdToken
}

secret! {
    /// The secret of an OAuth client (RFC 6749 section 2.3.1).
    ClientSecret
}

secret! {
    /// An authorization code (RFC 6749 section 1.3.1).
    AuthorizationCode
}

secret! {
    /// The `state` of an authorization request (RFC 6749 section 10.12): 256 opaque bits.
    AuthorizationState
}

secret! {
    /// The `code_verifier` of PKCE (RFC 7636 section 4.1).
    CodeVerifier
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_tell_the_secret() {
        let token = RefreshToken::new("1//canary");

        assert_eq!(format!("{token:?}"), "RefreshToken(…)");
        assert_eq!(token.expose(), "1//canary");
    }
}
