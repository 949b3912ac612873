//! The limits that all replicas share, in Redis.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use uuid::Uuid;
use workapi_redis::{Redis, Script};

use super::Outcome;
use super::client::Client;
use super::pace::{Reason, Refusal};

/// How long Redis is not asked after it was away, so that not every call waits in vain.
const REST: Duration = Duration::from_secs(1);

/// The limits that all replicas share.
#[derive(Debug)]
pub(crate) struct Shared {
    redis: Redis,
    /// How long Redis may take.
    patience: Duration,
    admit: Script,
    finish: Script,
    /// Set while Redis is away: when it is asked again.
    away_until: Mutex<Option<Instant>>,
}

impl Shared {
    pub(crate) fn new(redis: Redis, patience: Duration) -> Self {
        Self {
            redis,
            patience,
            admit: Script::new(include_str!("admit.lua")),
            finish: Script::new(include_str!("finish.lua")),
            away_until: Mutex::new(None),
        }
    }

    /// Asks for a place; `None` when Redis can't tell.
    pub(super) async fn admit(&self, client: &Client, call: Uuid) -> Option<Result<(), Refusal>> {
        let arguments = [
            call.to_string(),
            client.places.to_string(),
            client.hold.as_millis().to_string(),
            client.rate.map_or(0, u32::from).to_string(),
        ];
        let answer = self.ask(&self.admit, client, &arguments).await?;
        let reason = match answer.first()? {
            0 => return Some(Ok(())),
            1 => Reason::Blocked,
            2 => Reason::Full,
            _ => Reason::TooFast,
        };
        let wait = u64::try_from(*answer.get(1)?).unwrap_or_default();
        let wait = Duration::from_millis(wait);
        Some(Err(Refusal { reason, wait }))
    }

    /// Gives a place back. If Redis is away it is free when its time is over.
    pub(super) async fn finish(&self, client: &Client, call: Uuid, outcome: Outcome) {
        let (told, peace) = match outcome {
            Outcome::Unsent => (0, Duration::ZERO),
            Outcome::Answered => (1, Duration::ZERO),
            Outcome::Overloaded { retry_after } => (2, retry_after.unwrap_or_default()),
        };
        let arguments = [
            call.to_string(),
            client.places.to_string(),
            told.to_string(),
            peace.as_millis().to_string(),
        ];
        self.ask(&self.finish, client, &arguments).await;
    }

    async fn ask(
        &self,
        script: &Script,
        client: &Client,
        arguments: &[String],
    ) -> Option<Vec<i64>> {
        if self
            .away_until()
            .is_some_and(|until| Instant::now() < until)
        {
            return None;
        }
        // Braces keep both on one node of a cluster.
        let keys = ["places", "pace"].map(|kind| format!("limit:{{{}}}:{kind}", client.name));
        let asked = self.redis.run_script(script, &keys, arguments);
        match timeout(self.patience, asked).await {
            Ok(Ok(answer)) => {
                self.answers();
                Some(answer)
            }
            Ok(Err(error)) => self.is_away(&error.to_string()),
            Err(_elapsed) => self.is_away("Redis is too slow"),
        }
    }

    fn answers(&self) {
        if self.set_away_until(None).is_some() {
            tracing::info!("Redis answers again: the limits of providers are shared");
        }
    }

    fn is_away<T>(&self, error: &str) -> Option<T> {
        if self.set_away_until(Some(Instant::now() + REST)).is_none() {
            tracing::warn!(
                error,
                "the limits of providers are local now: each replica keeps to its part of them"
            );
        }
        None
    }

    fn away_until(&self) -> Option<Instant> {
        *self
            .away_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn set_away_until(&self, until: Option<Instant>) -> Option<Instant> {
        let mut away_until = self
            .away_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut away_until, until)
    }
}
