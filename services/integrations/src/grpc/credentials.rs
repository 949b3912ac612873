//! Who is calling, as the metadata of a request says.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tonic::metadata::MetadataMap;
use workapi_errors::Error;

use crate::tokens::invalid_token;

const AUTHORIZATION: &str = "authorization";
const INTERNAL_TOKEN: &str = "x-workapi-internal-token";
/// Longer bearers are refused before anything looks at them (interfaces section 6).
const MAX_BEARER_LENGTH: usize = 8 * 1024;

/// Returns the bearer token of a request (RFC 6750 section 2.1).
pub(super) fn bearer(metadata: &MetadataMap) -> Result<&str, Error> {
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

/// A random token that an operator's tool or another service has to show.
#[derive(Debug)]
pub(crate) struct SharedSecret(SecretString);

impl SharedSecret {
    pub(crate) fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// Requires the secret as the bearer.
    pub(super) fn require_as_bearer(&self, metadata: &MetadataMap) -> Result<(), Error> {
        self.require(bearer(metadata)?)
    }

    /// Requires the secret as `x-workapi-internal-token`.
    pub(super) fn require_as_internal_token(&self, metadata: &MetadataMap) -> Result<(), Error> {
        let presented = metadata
            .get(INTERNAL_TOKEN)
            .and_then(|value| value.to_str().ok());
        self.require(presented.unwrap_or_default())
    }

    /// Takes the same time wherever the two differ; only their lengths show. Nothing shown is
    /// nothing, even if the secret were empty.
    fn require(&self, presented: &str) -> Result<(), Error> {
        let expected = self.0.expose_secret().as_bytes();
        if !presented.is_empty() && bool::from(presented.as_bytes().ct_eq(expected)) {
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
            assert_eq!(
                bearer(&metadata(AUTHORIZATION, value)),
                Err(invalid_token()),
                "{value:?}"
            );
        }
        assert_eq!(bearer(&MetadataMap::new()), Err(invalid_token()));
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
}
