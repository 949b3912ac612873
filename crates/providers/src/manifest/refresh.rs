//! How refresh tokens live.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::error::KeyError;

const DAY: Duration = Duration::from_hours(24);

/// How refresh tokens live, and how often the provider may be asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refresh {
    /// How refresh tokens rotate.
    pub class: RotationClass,
    /// How long a used refresh token still works (class C).
    pub grace: Option<Duration>,
    /// Exchanges at one time for one client.
    pub max_concurrency: NonZeroU32,
    /// Exchanges a second for one client, where the provider counts them.
    pub max_per_second: Option<NonZeroU32>,
    /// The life of a refresh token that is not used.
    pub idle: Option<Duration>,
    /// The life of a grant, whatever is done with it.
    pub absolute: Option<Duration>,
    /// How many grants of one account the provider keeps for one client. It drops the oldest
    /// without a word (failure mode FM-15).
    pub max_grants: Option<NonZeroU32>,
    /// How long after its last use a credential is refreshed ahead of need;
    /// `None` means always.
    pub keep_fresh: Option<Duration>,
}

/// What using a refresh token does to it (failure mode N04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RotationClass {
    /// Nothing: it does not rotate.
    A,
    /// There is a new one, and the old one stays valid.
    B,
    /// There is a new one, and the old one works for a grace period.
    C,
    /// There is a new one, and the old one is dead at once.
    D,
}

/// The `[refresh]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Table {
    class: RotationClass,
    grace_seconds: Option<NonZeroU32>,
    max_concurrency: NonZeroU32,
    max_per_second: Option<NonZeroU32>,
    idle_days: Option<NonZeroU32>,
    absolute_days: Option<NonZeroU32>,
    max_grants: Option<NonZeroU32>,
    keep_fresh_days: u32,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            // What is safe with the strictest class is safe with every other.
            class: RotationClass::D,
            grace_seconds: None,
            max_concurrency: const { NonZeroU32::new(16).unwrap() },
            max_per_second: None,
            idle_days: None,
            absolute_days: None,
            max_grants: None,
            keep_fresh_days: 7,
        }
    }
}

impl Table {
    pub(super) fn validate(self) -> Result<Refresh, KeyError> {
        if self.class == RotationClass::C && self.grace_seconds.is_none() {
            let reason = "is needed for refresh.class = \"C\"";
            return Err(KeyError::new("refresh.grace_seconds", reason));
        }
        Ok(Refresh {
            class: self.class,
            grace: self
                .grace_seconds
                .map(|seconds| Duration::from_secs(seconds.get().into())),
            max_concurrency: self.max_concurrency,
            max_per_second: self.max_per_second,
            idle: self.idle_days.map(|days| DAY * days.get()),
            absolute: self.absolute_days.map(|days| DAY * days.get()),
            max_grants: self.max_grants,
            keep_fresh: (self.keep_fresh_days > 0).then(|| DAY * self.keep_fresh_days),
        })
    }
}
