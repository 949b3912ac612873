//! Who is calling a gRPC method, as the metadata of the request says.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tonic::metadata::MetadataMap;
use workapi_errors::Error;

const AUTHORIZATION: &str = "authorization";
/// The metadata key under which a service shows the internal token to another one.
pub const INTERNAL_TOKEN: &str = "x-workapi-internal-token";
/// Longer bearers are refused before anything looks at them (interfaces section 6).
const MAX_BEARER_LENGTH: usize = 8 * 1024;

/// Returns the bearer token of a request (RFC 6750 section 2.1).
///
/// # Errors
/// There is none, or it is over 8 KiB.
pub fn bearer(metadata: &MetadataMap) -> Result<&str, Error> {
    let (scheme, token) = metadata
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .ok_or_else(invalid_token)?;
    let token = token.trim();
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    if is_bearer && !token.is_empty() && token.len() <= MAX_BEARER_LENGTH {
        Ok(token)
    } else {
        Err(invalid_token())
    }
}

fn invalid_token() -> Error {
    Error::invalid_token("invalid token")
}

/// A random token that an operator's tool or another service has to show.
#[derive(Clone, Debug)]
pub struct SharedSecret(SecretString);

impl SharedSecret {
    /// Wraps the token that is expected.
    pub fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// Requires the secret as the bearer.
    ///
    /// # Errors
    /// The request carries no bearer, or another one.
    pub fn require_as_bearer(&self, metadata: &MetadataMap) -> Result<(), Error> {
        self.require(bearer(metadata)?)
    }

    /// Requires the secret as [`INTERNAL_TOKEN`].
    ///
    /// # Errors
    /// The request carries none, or another one.
    pub fn require_as_internal_token(&self, metadata: &MetadataMap) -> Result<(), Error> {
        let presented = metadata
            .get(INTERNAL_TOKEN)
            .and_then(|value| value.to_str().ok());
        self.require(presented.unwrap_or_default())
    }

    /// Takes the same time wherever the two differ; only their lengths show. An empty setting is no
    /// secret, and lets nobody in.
    fn require(&self, presented: &str) -> Result<(), Error> {
        let expected = self.0.expose_secret().as_bytes();
        if !expected.is_empty() && bool::from(presented.as_bytes().ct_eq(expected)) {
            Ok(())
        } else {
            Err(invalid_token())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(name: &'static str, value: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert(name, value.parse().unwrap());
        metadata
    }

    #[test]
    fn a_bearer_is_found_whatever_the_case_of_its_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(
                bearer(&metadata(AUTHORIZATION, value)),
                Ok("abc"),
                "{value:?}"
            );
        }
    }

    #[test]
    fn a_bearer_that_is_missing_empty_or_too_long_is_refused() {
        let longest = format!("Bearer {}", "a".repeat(8192));
        assert!(bearer(&metadata(AUTHORIZATION, &longest)).is_ok());

        let too_long = longest + "a";
        for value in ["", "Bearer", "Bearer ", "abc", "Basic abc", &too_long] {
            assert!(
                bearer(&metadata(AUTHORIZATION, value)).is_err(),
                "{value:?}"
            );
        }
        assert!(bearer(&MetadataMap::new()).is_err());
    }

    #[test]
    fn only_the_whole_secret_is_accepted() {
        let secret = SharedSecret::new(SecretString::from("correct horse"));

        assert!(secret.require("correct horse").is_ok());
        for presented in ["", "correct", "correct hors3", "correct horse "] {
            assert!(secret.require(presented).is_err(), "{presented:?}");
        }
        assert!(
            secret
                .require_as_internal_token(&MetadataMap::new())
                .is_err()
        );
    }

    #[test]
    fn an_empty_secret_lets_nobody_in() {
        let secret = SharedSecret::new(SecretString::from(""));

        assert!(secret.require("").is_err());
        assert!(
            secret
                .require_as_internal_token(&MetadataMap::new())
                .is_err()
        );
    }
}
