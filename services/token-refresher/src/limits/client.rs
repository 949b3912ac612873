//! Whose limits they are.

use std::num::NonZeroU32;
use std::time::Duration;

use workapi_providers::Manifest;

/// How much longer than the exchange a place may be held: what is held longer was left behind by
/// a process that died.
const MARGIN: Duration = Duration::from_secs(2);

/// A client at its provider, and what it may ask of it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    /// Provider and client id, as a part of Redis keys.
    pub(super) name: String,
    /// Calls at one time.
    pub(super) places: NonZeroU32,
    /// Calls a second.
    pub(super) rate: Option<NonZeroU32>,
    /// How long a place is held at most.
    pub(super) hold: Duration,
}

impl Client {
    pub(super) fn new(manifest: &Manifest, client_id: &str) -> Self {
        Self {
            name: format!("{}:{client_id}", manifest.name),
            places: manifest.refresh.max_concurrency,
            rate: manifest.refresh.max_per_second,
            hold: manifest.token.deadline + MARGIN,
        }
    }
}
