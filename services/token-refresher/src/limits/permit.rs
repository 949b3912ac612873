//! The leave to call a provider once.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::client::Client;
use super::limit::Limits;
use super::outcome::Outcome;
use super::pace::{Pace, Reason};

/// Whether a provider may be called now.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It may, once.
    Go(Permit),
    /// It may not.
    Later {
        /// When to ask again.
        after: Duration,
        /// Why.
        reason: Reason,
    },
}

/// The leave to call a provider once. Dropping it gives the place back to this process at once,
/// and to the others when its time is over.
#[derive(Debug)]
pub(crate) struct Permit {
    limits: Arc<Limits>,
    client: Client,
    call: Uuid,
}

impl Permit {
    pub(super) fn new(limits: Arc<Limits>, client: Client, call: Uuid) -> Self {
        Self {
            limits,
            client,
            call,
        }
    }

    /// Gives the place back, and tells everybody what the call told about the provider.
    pub(crate) async fn finish(self, outcome: Outcome) {
        let Self {
            limits,
            client,
            call,
        } = &self;
        let places = limits.part(client.places);
        limits.with(client, |pace, now| pace.learn(outcome, places, now));
        if let Some(shared) = &limits.shared {
            shared.finish(client, *call, outcome).await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limits
            .with(&self.client, |pace: &mut Pace, _| pace.leave());
    }
}
