//! The public keys of issuers (RFC 7517): fetched when needed, cached with bounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use moka::future::Cache;
use moka::ops::compute::Op;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::http_client::HttpClient;

/// How long a set is used without asking for a newer one.
const MAX_AGE: Duration = Duration::from_hours(1);
/// How long after a fetch an unknown key id causes no other one.
const COOL_DOWN: Duration = Duration::from_secs(30);
const FETCH_DEADLINE: Duration = Duration::from_secs(10);
const MAX_SETS: u64 = 64;
const MAX_KEYS: usize = 64;

/// The key sets of all issuers. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct KeySets {
    sets: Cache<Url, KeySet>,
    cool_down: Duration,
}

impl Default for KeySets {
    fn default() -> Self {
        Self::new(COOL_DOWN)
    }
}

impl KeySets {
    fn new(cool_down: Duration) -> Self {
        Self {
            sets: Cache::new(MAX_SETS),
            cool_down,
        }
    }

    /// Returns the key with which to verify a signature; `None` if the issuer has
    /// no such key. Fetches the set if it is old, or does not know `kid`.
    pub(crate) async fn find(
        &self,
        http: &HttpClient,
        url: &Url,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Option<DecodingKey>, Unavailable> {
        // Computing is serialised for each URL: whoever waited finds what was fetched.
        let result = self
            .sets
            .entry_by_ref(url)
            .and_try_compute_with(async |cached| {
                let cached = cached.map(moka::Entry::into_value);
                if let Some(set) = &cached
                    && !self.is_due(set, kid)
                {
                    return Ok(Op::Nop);
                }
                match (fetch(http, url).await, cached) {
                    (Ok(keys), _) => Ok(Op::Put(KeySet::new(keys))),
                    // The last good set is better than none.
                    (Err(_), Some(set)) => Ok(Op::Put(set.asked_again())),
                    (Err(unavailable), None) => Err(unavailable),
                }
            })
            .await?;
        let set = result.into_entry().ok_or(Unavailable)?.into_value();
        Ok(set
            .find(kid)
            .filter(|key| fits(key, algorithm))
            .and_then(|key| DecodingKey::from_jwk(key).ok()))
    }

    fn is_due(&self, set: &KeySet, kid: Option<&str>) -> bool {
        let is_wanting = set.fetched_at.elapsed() >= MAX_AGE || set.find(kid).is_none();
        is_wanting && set.asked_at.elapsed() >= self.cool_down
    }
}

/// The issuer did not give its keys.
#[derive(Debug)]
pub(crate) struct Unavailable;

#[derive(Clone, Debug)]
struct KeySet {
    keys: Arc<[Jwk]>,
    fetched_at: Instant,
    /// When the issuer was asked last, successfully or not.
    asked_at: Instant,
}

impl KeySet {
    fn new(keys: Vec<Jwk>) -> Self {
        let now = Instant::now();
        Self {
            keys: keys.into(),
            fetched_at: now,
            asked_at: now,
        }
    }

    fn asked_again(self) -> Self {
        Self {
            asked_at: Instant::now(),
            ..self
        }
    }

    /// Returns the key of that id; without an id, the only key there is.
    fn find(&self, kid: Option<&str>) -> Option<&Jwk> {
        match (kid, &*self.keys) {
            (Some(_), keys) => keys.iter().find(|key| key.common.key_id.as_deref() == kid),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

/// Tells whether a key is for signatures of this algorithm: the algorithm is
/// decided by the key, never by the token alone (RFC 8725 section 3.1).
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let is_for_signatures = matches!(
        key.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let has_type = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => {
            key.curve == EllipticCurve::P256
        }
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => {
            key.curve == EllipticCurve::Ed25519
        }
        _ => false,
    };
    let has_algorithm = key
        .common
        .key_algorithm
        .as_ref()
        .is_none_or(|stated| *stated == KeyAlgorithm::from(algorithm));
    is_for_signatures && has_type && has_algorithm
}

async fn fetch(http: &HttpClient, url: &Url) -> Result<Vec<Jwk>, Unavailable> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<Value>,
    }

    let answer = http
        .send(http.get(url).build(), FETCH_DEADLINE)
        .await
        .map_err(|_| Unavailable)?;
    if answer.status != 200 {
        return Err(Unavailable);
    }
    let document: Document = serde_json::from_slice(&answer.body).map_err(|_| Unavailable)?;
    // One by one: a set may hold keys of kinds that are not known here.
    Ok(document
        .keys
        .into_iter()
        .take(MAX_KEYS)
        .filter_map(|key| serde_json::from_value(key).ok())
        .collect())
}

#[cfg(test)]
mod tests;
