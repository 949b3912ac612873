//! Verifies user tokens with the public keys that the integrations service publishes.
//!
//! This keeps forged and expired tokens away from the services. It does not know who was
//! deactivated or deleted: the owners of the data check every token again.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use workapi_errors::Error;
use workapi_proto::integrations::v1::token_keys_client::TokenKeysClient;
use workapi_proto::integrations::v1::{ListTokenKeysRequest, ListTokenKeysResponse};
use workapi_runtime::Channel;
use workapi_types::Clock;

/// How far the clocks of two machines may be apart.
const LEEWAY: Duration = Duration::from_mins(1);
/// How old keys may grow before they are fetched again, so that withdrawn ones go.
const MAX_AGE: Duration = Duration::from_mins(5);
/// How long unknown key ids are refused unasked after keys were fetched for one.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// How long a failed fetch is not repeated.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long a fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Checks user tokens; keeps the last good keys when no others can be had.
#[derive(Debug)]
pub(crate) struct UserTokens {
    source: TokenKeysClient<Channel>,
    clock: Clock,
    keys: RwLock<Option<Arc<Keys>>>,
    last_fetch: Mutex<LastFetch>,
}

/// How the last fetch went, and when the next one may start.
#[derive(Clone, Copy, Debug)]
enum LastFetch {
    /// There was none, or only the first one, which nobody could have spared.
    Unprompted,
    /// Keys came.
    Succeeded { next: OffsetDateTime },
    /// Nothing came.
    Failed { next: OffsetDateTime },
}

impl UserTokens {
    /// Prepares the verification; keys are fetched for the first token.
    pub(crate) fn new(source: TokenKeysClient<Channel>, clock: Clock) -> Self {
        Self {
            source,
            clock,
            keys: RwLock::new(None),
            last_fetch: Mutex::new(LastFetch::Unprompted),
        }
    }

    /// Checks that a token is one of ours and valid now.
    ///
    /// # Errors
    ///
    /// Says "unavailable", and not "invalid", when there are no keys to tell.
    pub(crate) async fn verify(&self, token: &str) -> Result<(), Error> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused("not a JWT"))?;
        // RFC 7515 section 4.1.11: no critical extension is understood here.
        if header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(refused("not a user token"));
        }
        let kid = header.kid.ok_or_else(|| refused("not a user token"))?;
        let keys = self.keys_with(&kid).await?;
        keys.verify(&kid, token, self.clock.now())
    }

    /// Returns keys with the given one among them, if it can be had.
    async fn keys_with(&self, kid: &str) -> Result<Arc<Keys>, Error> {
        if let Some(keys) = self.fresh_keys_with(kid) {
            return Ok(keys);
        }
        // Held over the fetch on purpose: one is under way at most, the others take its keys.
        let mut last_fetch = self.last_fetch.lock().await;
        if let Some(keys) = self.fresh_keys_with(kid) {
            return Ok(keys);
        }
        if last_fetch.allows_another(self.clock.now()) {
            *last_fetch = self.fetch().await;
        }
        match (self.current(), *last_fetch) {
            (Some(keys), LastFetch::Failed { .. }) if keys.by_id.contains_key(kid) => Ok(keys),
            (Some(keys), LastFetch::Unprompted | LastFetch::Succeeded { .. }) => Ok(keys),
            _ => Err(Error::unavailable(
                "user tokens can't be verified now",
                RETRY_DELAY,
            )),
        }
    }

    fn fresh_keys_with(&self, kid: &str) -> Option<Arc<Keys>> {
        let keys = self.current()?;
        let age = self.clock.now() - keys.fetched_at;
        (keys.by_id.contains_key(kid) && age < MAX_AGE).then_some(keys)
    }

    fn current(&self) -> Option<Arc<Keys>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }

    async fn fetch(&self) -> LastFetch {
        let mut request = tonic::Request::new(ListTokenKeysRequest {});
        request.set_timeout(FETCH_TIMEOUT);
        let answer = self.source.clone().list_token_keys(request).await;
        let now = self.clock.now();
        match answer {
            Ok(answer) => {
                let keys = Arc::new(Keys::new(&answer.into_inner(), now));
                let mut slot = self.keys.write().unwrap_or_else(PoisonError::into_inner);
                match slot.replace(keys) {
                    Some(_) => LastFetch::Succeeded {
                        next: now + COOL_DOWN,
                    },
                    None => LastFetch::Unprompted,
                }
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), "failed to fetch the keys of user tokens");
                LastFetch::Failed {
                    next: now + RETRY_DELAY,
                }
            }
        }
    }
}

impl LastFetch {
    fn allows_another(self, now: OffsetDateTime) -> bool {
        match self {
            Self::Unprompted => true,
            Self::Succeeded { next } | Self::Failed { next } => now >= next,
        }
    }
}

/// The keys of one fetch, with what every token has to claim.
struct Keys {
    by_id: HashMap<String, DecodingKey>,
    validation: Validation,
    fetched_at: OffsetDateTime,
}

#[derive(Deserialize)]
struct Claims {
    exp: i64,
    iat: i64,
}

impl Keys {
    fn new(answer: &ListTokenKeysResponse, fetched_at: OffsetDateTime) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&answer.issuer]);
        validation.set_audience(&[&answer.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are compared below, with a clock that tests can set.
        validation.validate_exp = false;
        let keys = answer.keys.iter();
        Self {
            by_id: keys
                .map(|key| (key.kid.clone(), DecodingKey::from_ed_der(&key.public_key)))
                .collect(),
            validation,
            fetched_at,
        }
    }

    fn verify(&self, kid: &str, token: &str, now: OffsetDateTime) -> Result<(), Error> {
        let key = self
            .by_id
            .get(kid)
            .ok_or_else(|| refused("its key is unknown"))?;
        // In the words of the original service (contract section 2.1).
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|_| refused("invalid token"))?;
        let Claims { exp, iat } = decoded.claims;
        if exp <= (now - LEEWAY).unix_timestamp() {
            return Err(refused("it has expired"));
        }
        if iat > (now + LEEWAY).unix_timestamp() {
            return Err(refused("it was issued in the future"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_id.keys()).finish()
    }
}

fn refused(reason: &str) -> Error {
    Error::invalid_token(reason)
}
