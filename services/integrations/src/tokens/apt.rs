//! Account provider tokens (contract section 1.2): RS256 JWTs that developers sign with their
//! environment's private key.

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use workapi_errors::Error;

use super::{EnvironmentKey, LEEWAY_SECONDS, invalid_token};

/// The longest life that a developer may give an APT.
const MAX_LIFETIME_SECONDS: f64 = 7.0 * 24.0 * 3600.0;

/// A bearer that has the shape of an APT; its signature is not checked.
#[derive(Clone, Copy)]
pub(crate) struct Apt<'a>(&'a str);

/// Whom an APT names.
#[derive(Debug, Deserialize)]
pub(crate) struct AptUser {
    pub(crate) environment_guid: String,
    /// Absent from an APT that creates a user.
    pub(crate) arbitrary_id: Option<String>,
}

/// What an APT says about its environment, read before anything vouches for it.
#[derive(Deserialize)]
struct UnverifiedClaims {
    user: Object<UnverifiedUser>,
}

#[derive(Deserialize)]
struct UnverifiedUser {
    environment_guid: String,
}

/// `NumericDate`s may have a fraction (RFC 7519 section 2).
#[derive(Deserialize)]
struct Claims {
    exp: f64,
    iat: f64,
    user: Object<AptUser>,
}

/// A JSON object. The derived `Deserialize` of a struct would take an array as well.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Map<String, Value>", bound = "T: DeserializeOwned")]
struct Object<T>(T);

impl<T: DeserializeOwned> TryFrom<Map<String, Value>> for Object<T> {
    type Error = serde_json::Error;

    fn try_from(members: Map<String, Value>) -> Result<Self, serde_json::Error> {
        T::deserialize(Value::Object(members)).map(Self)
    }
}

impl<'a> Apt<'a> {
    /// Takes a bearer for an APT if it is a compact JWS whose header says RS256.
    pub(crate) fn parse(bearer: &'a str) -> Result<Self, Error> {
        match jsonwebtoken::decode_header(bearer) {
            // No critical extension is understood here (RFC 7515 section 4.1.11).
            Ok(header) if header.alg == Algorithm::RS256 && header.crit.is_none() => {
                Ok(Self(bearer))
            }
            _ => Err(invalid_token()),
        }
    }

    /// Returns the environment that the APT names, before anything vouches for it: to find the
    /// key.
    pub(crate) fn claimed_environment(self) -> Result<String, Error> {
        let Object(claims): Object<UnverifiedClaims> =
            insecure_decode_claims(self.0).map_err(|_| invalid_token())?;
        Ok(claims.user.0.environment_guid)
    }

    /// Checks signature, `exp` and `iat` at the Unix second `now`, and returns whom the APT names.
    pub(crate) fn verify(self, key: &EnvironmentKey, now: i64) -> Result<AptUser, Error> {
        let mut validation = Validation::new(Algorithm::RS256);
        // An APT has no audience; its times are checked below, against our own clock.
        validation.validate_aud = false;
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let Object(claims) =
            jsonwebtoken::decode::<Object<Claims>>(self.0, key.decoding_key(), &validation)
                .map_err(|_| invalid_token())?
                .claims;
        if claims.is_timely(now) {
            Ok(claims.user.0)
        } else {
            Err(invalid_token())
        }
    }
}

impl Claims {
    #[expect(
        clippy::cast_precision_loss,
        reason = "Unix seconds stay exact for millions of years"
    )]
    fn is_timely(&self, now: i64) -> bool {
        self.exp > (now - LEEWAY_SECONDS) as f64
            && self.iat <= (now + LEEWAY_SECONDS) as f64
            && self.exp - self.iat <= MAX_LIFETIME_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn is_timely(exp: f64, iat: f64) -> bool {
        let user = Object(AptUser {
            environment_guid: String::new(),
            arbitrary_id: None,
        });
        Claims { exp, iat, user }.is_timely(NOW)
    }

    #[test]
    fn times_are_accepted_within_a_minute_of_leeway() {
        let week = 7.0 * 24.0 * 3600.0;
        let now = 1_700_000_000.0;

        assert!(is_timely(now - 59.0, now - 120.0));
        assert!(!is_timely(now - 60.0, now - 120.0));
        assert!(is_timely(now + 120.0, now + 60.0));
        assert!(!is_timely(now + 120.0, now + 61.0));
        assert!(is_timely(now + week, now));
        assert!(!is_timely(now + week + 1.0, now));
        assert!(!is_timely(1e300, now));
    }
}
