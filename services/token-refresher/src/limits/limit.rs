//! Asking for leave to call a provider.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;
use workapi_providers::Manifest;

use super::client::Client;
use super::pace::{Pace, Reason, Refusal};
use super::permit::{Admission, Permit};
use super::shared::Shared;

/// How many jobs of a full client come back at the same time is a matter of this spread.
const SPREAD: Duration = Duration::from_secs(1);

/// The limits of all clients.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(super) shared: Option<Shared>,
    /// Every call of this process, whoever admitted it: when Redis goes away, those that it
    /// admitted still count.
    local: Mutex<HashMap<String, Pace>>,
    replicas: NonZeroU32,
}

impl Limits {
    /// Shares the limits through Redis, where there is one. Without it, each of `replicas` keeps
    /// to its part.
    pub(crate) fn new(shared: Option<Shared>, replicas: NonZeroU32) -> Arc<Self> {
        if shared.is_none() {
            tracing::warn!(
                replicas,
                "without Redis the limits of providers are local: each replica keeps to its part"
            );
        }
        Arc::new(Self {
            shared,
            local: Mutex::default(),
            replicas,
        })
    }

    /// Asks for leave to make one call for a client at its provider.
    pub(crate) async fn admit(self: &Arc<Self>, manifest: &Manifest, client_id: &str) -> Admission {
        let client = Client::new(manifest, client_id);
        let call = Uuid::new_v4();
        match self.decide(&client, call).await {
            Ok(()) => Admission::Go(Permit::new(Arc::clone(self), client, call)),
            Err(Refusal { reason, wait }) => {
                let spread = SPREAD.max(wait / 10).mul_f64(rand::random());
                let after = (wait + spread).max(SPREAD / 4);
                Admission::Later { after, reason }
            }
        }
    }

    async fn decide(&self, client: &Client, call: Uuid) -> Result<(), Refusal> {
        // A block that we know of needs no question, and outlives what Redis forgets.
        if let Some(wait) = self.with(client, |pace, now| pace.blocked_for(now)) {
            let reason = Reason::Blocked;
            return Err(Refusal { reason, wait });
        }
        let shared = match &self.shared {
            Some(shared) => shared.admit(client, call).await,
            None => None,
        };
        self.with(client, |pace, now| {
            match shared {
                Some(Ok(())) => {}
                Some(Err(refusal)) => {
                    if refusal.reason == Reason::Blocked {
                        pace.block(refusal.wait, now);
                    }
                    return Err(refusal);
                }
                None => pace.admit(self.part(client.places), self.rate(client), now)?,
            }
            pace.enter();
            Ok(())
        })
    }

    /// Runs a step on what this process knows about a client.
    pub(super) fn with<T>(&self, client: &Client, step: impl FnOnce(&mut Pace, Instant) -> T) -> T {
        let now = Instant::now();
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = local
            .entry(client.name.clone())
            .or_insert_with(|| Pace::new(client.rate, now));
        step(pace, now)
    }

    /// Returns this replica's part of a limit, which is never nothing.
    pub(super) fn part(&self, places: NonZeroU32) -> u32 {
        (places.get() / self.replicas).max(1)
    }

    fn rate(&self, client: &Client) -> Option<f64> {
        let rate = client.rate?;
        Some(f64::from(rate.get()) / f64::from(self.replicas.get()))
    }
}
