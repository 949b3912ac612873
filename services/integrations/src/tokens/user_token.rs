//! User tokens: `EdDSA` JWTs (RFC 8037) that this service signs.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use workapi_errors::Error as Refusal;
use workapi_types::{EnvironmentGuid, UserId};

use super::{LEEWAY_SECONDS, SigningKey, invalid_token};

/// What all user tokens of an installation have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
}

/// Issues user tokens and checks them.
pub(crate) struct UserTokens {
    settings: Settings,
    /// Newest first.
    keys: Vec<SigningKey>,
    validation: Validation,
}

/// The claims of a user token. Times are Unix seconds.
#[derive(Debug, Serialize, Deserialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: UserId,
    env: EnvironmentGuid,
    iat: i64,
    exp: i64,
}

/// What a user token says, once its signature, issuer, audience and times are checked.
#[derive(Debug, Deserialize)]
pub(crate) struct UserTokenClaims {
    #[serde(rename = "sub")]
    pub(crate) user_id: UserId,
    #[serde(rename = "env")]
    pub(crate) environment_guid: EnvironmentGuid,
    /// Unix second.
    #[serde(rename = "iat")]
    pub(crate) issued_at: i64,
    exp: i64,
}

/// A token that could not be signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to sign a user token: every signing key is retired")]
    NoKey,
    #[error("failed to sign a user token")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

impl UserTokens {
    /// Takes the keys, newest first. The newest that is not retired signs, all of them verify.
    pub(crate) fn new(settings: Settings, keys: Vec<SigningKey>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        // Times are checked against our own clock.
        validation.validate_exp = false;
        Self {
            settings,
            keys,
            validation,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the keys, newest first.
    pub(crate) fn keys(&self) -> &[SigningKey] {
        &self.keys
    }

    /// Signs a token that is valid from the Unix second `issued_at`.
    pub(crate) fn issue(
        &self,
        user_id: &UserId,
        environment_guid: EnvironmentGuid,
        issued_at: i64,
    ) -> Result<String, Error> {
        let key = self
            .keys
            .iter()
            .find(|key| !key.is_retired)
            .ok_or(Error::NoKey)?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.kid.clone());
        let lifetime = i64::try_from(self.settings.lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            iss: &self.settings.issuer,
            aud: &self.settings.audience,
            sub: user_id.clone(),
            env: environment_guid,
            iat: issued_at,
            exp: issued_at.saturating_add(lifetime),
        };
        Ok(jsonwebtoken::encode(&header, &claims, &key.encoding_key)?)
    }

    /// Checks everything about a token that can be checked without the database, at the Unix
    /// second `now`.
    pub(crate) fn verify(&self, token: &str, now: i64) -> Result<UserTokenClaims, Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid_token())?;
        // No critical extension is understood here (RFC 7515 section 4.1.11).
        if header.crit.is_some() {
            return Err(invalid_token());
        }
        let key = self
            .keys
            .iter()
            .find(|key| header.kid.as_ref() == Some(&key.kid))
            .ok_or_else(invalid_token)?;
        let claims =
            jsonwebtoken::decode::<UserTokenClaims>(token, &key.decoding_key, &self.validation)
                .map_err(|_| invalid_token())?
                .claims;
        if claims.is_timely(now) {
            Ok(claims)
        } else {
            Err(invalid_token())
        }
    }
}

impl UserTokenClaims {
    fn is_timely(&self, now: i64) -> bool {
        self.exp > now - LEEWAY_SECONDS && self.issued_at <= now + LEEWAY_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, EncodingKey};
    use serde_json::{Value, json};
    use workapi_keyring::KeyRing;

    use super::super::SealedSigningKey;
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const USER: &str = "64b7f0c2a1d3e4f5a6b7c8d0";
    const ENVIRONMENT: &str = "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10";

    fn user_tokens() -> UserTokens {
        let ring = KeyRing::parse(KeyRing::generate().unwrap().as_str()).unwrap();
        let key = SealedSigningKey::generate(&ring).unwrap();
        let settings = Settings {
            issuer: "us".to_owned(),
            audience: "our clients".to_owned(),
            lifetime: Duration::from_hours(1),
        };
        UserTokens::new(settings, vec![key.open(&ring).unwrap()])
    }

    fn claims() -> Value {
        json!({
            "iss": "us", "aud": "our clients", "sub": USER, "env": ENVIRONMENT,
            "iat": NOW, "exp": NOW + 3600,
        })
    }

    fn signed(tokens: &UserTokens, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(tokens.keys[0].kid.clone());
        jsonwebtoken::encode(&header, claims, &tokens.keys[0].encoding_key).unwrap()
    }

    #[test]
    fn an_issued_token_is_accepted() {
        let tokens = user_tokens();
        let (user, environment) = (USER.parse().unwrap(), ENVIRONMENT.parse().unwrap());

        let token = tokens.issue(&user, environment, NOW).unwrap();
        let claims = tokens.verify(&token, NOW).unwrap();

        assert_eq!(
            (claims.user_id, claims.environment_guid),
            (user, environment)
        );
        assert_eq!(claims.issued_at, NOW);
    }

    #[test]
    fn every_claim_is_needed_and_checked() {
        let tokens = user_tokens();
        assert!(tokens.verify(&signed(&tokens, &claims()), NOW).is_ok());

        for (claim, flaw) in [
            ("iss", json!("them")),
            ("aud", json!("their clients")),
            ("sub", json!("ann")),
            ("env", json!("dev")),
            ("iat", json!(NOW + 61)),
            ("exp", json!(NOW - 60)),
            ("exp", json!("never")),
        ] {
            let mut flawed = claims();
            flawed[claim] = flaw;
            assert!(
                tokens.verify(&signed(&tokens, &flawed), NOW).is_err(),
                "{flawed}"
            );
            flawed.as_object_mut().unwrap().remove(claim);
            assert!(
                tokens.verify(&signed(&tokens, &flawed), NOW).is_err(),
                "{flawed}"
            );
        }
    }

    #[test]
    fn only_our_own_eddsa_signature_counts() {
        let tokens = user_tokens();
        let other = user_tokens();
        let key = &tokens.keys[0];
        let sign = |header: &Header, key: &EncodingKey| {
            jsonwebtoken::encode(header, &claims(), key).unwrap()
        };
        let mut header = Header::new(Algorithm::EdDSA);

        let without_kid = sign(&header, &key.encoding_key);
        header.kid = Some(key.kid.clone());
        let by_another_key = sign(&header, &other.keys[0].encoding_key);
        let by_an_unknown_key = signed(&other, &claims());
        header.alg = Algorithm::HS256;
        let with_the_public_key = sign(&header, &EncodingKey::from_secret(&key.public_key));
        header.alg = Algorithm::EdDSA;
        header.crit = Some(vec!["exp".to_owned()]);
        let with_a_critical_extension = sign(&header, &key.encoding_key);

        for token in [
            without_kid,
            by_another_key,
            by_an_unknown_key,
            with_the_public_key,
            with_a_critical_extension,
        ] {
            assert_eq!(
                tokens.verify(&token, NOW).unwrap_err(),
                invalid_token(),
                "{token}"
            );
        }
    }

    #[test]
    fn a_retired_key_verifies_and_does_not_sign() {
        let mut tokens = user_tokens();
        let old = tokens.keys[0].kid.clone();
        let token = signed(&tokens, &claims());
        tokens.keys[0].is_retired = true;
        let user = USER.parse().unwrap();

        assert!(tokens.verify(&token, NOW).is_ok());
        let refused = tokens.issue(&user, ENVIRONMENT.parse().unwrap(), NOW);
        assert!(matches!(refused, Err(Error::NoKey)));

        tokens.keys.insert(0, user_tokens().keys.remove(0));
        let new = tokens
            .issue(&user, ENVIRONMENT.parse().unwrap(), NOW)
            .unwrap();
        assert_ne!(jsonwebtoken::decode_header(&new).unwrap().kid, Some(old));
        let newest = DecodingKey::from_ed_der(&tokens.keys[0].public_key);
        assert!(jsonwebtoken::decode::<Value>(&new, &newest, &tokens.validation).is_ok());
    }
}
