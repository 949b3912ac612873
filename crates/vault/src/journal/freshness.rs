//! Whether the sinks take writes (refresh protocol, section 6): asked before a token is sent whose
//! answer must not be lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use workapi_bus::KeptMessage;
use workapi_types::IntegrationId;

use super::Sinks;
use crate::Error;

/// How long a write shows that its sink takes writes.
const FRESH: Duration = Duration::from_secs(1);
/// How long a probe may take: an answer would have to wait as long.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// When the sinks last took a write. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Freshness(Arc<Mutex<LastWrites>>);

#[derive(Debug, Default)]
struct LastWrites {
    journal: Option<Instant>,
    spill: Option<Instant>,
}

impl Freshness {
    pub(super) fn journal_wrote(&self) {
        self.lock().journal = Some(Instant::now());
    }

    pub(super) fn spill_wrote(&self) {
        self.lock().spill = Some(Instant::now());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LastWrites> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(last: Option<Instant>) -> bool {
    last.is_some_and(|last| last.elapsed() < FRESH)
}

/// What the journal kept of a credential before its token was sent.
#[derive(Debug, Default)]
pub enum Seen {
    /// Nobody knows.
    #[default]
    Unknown,
    /// Nothing.
    Nothing,
    /// This.
    Message(KeptMessage),
}

impl Sinks {
    /// Returns what the journal keeps of a credential, if two sinks have taken a write within the last
    /// second, PostgreSQL at `leased_at`. A sink that nobody wrote to is probed.
    pub async fn ready_for(
        &self,
        integration_id: &IntegrationId,
        leased_at: Instant,
    ) -> Option<Seen> {
        let postgres = leased_at.elapsed() < FRESH;
        let journal = self.journal_is_ready().await;
        if postgres && journal {
            return Some(self.look_at_journal(integration_id).await);
        }
        let is_ready = (postgres || journal) && self.spill_is_ready().await;
        is_ready.then_some(Seen::Unknown)
    }

    /// Looks at the journal in advance, so that the answer need not wait for it.
    async fn look_at_journal(&self, integration_id: &IntegrationId) -> Seen {
        let looked = self.journal.last(integration_id.as_str());
        match timeout(PROBE_TIMEOUT, looked).await {
            Ok(Ok(Some(message))) => Seen::Message(message),
            Ok(Ok(None)) => Seen::Nothing,
            Ok(Err(_)) | Err(_) => Seen::Unknown,
        }
    }

    async fn journal_is_ready(&self) -> bool {
        let last = self.freshness.lock().journal;
        if is_fresh(last) {
            return true;
        }
        let probed = matches!(
            timeout(PROBE_TIMEOUT, self.journal.probe()).await,
            Ok(Ok(()))
        );
        if probed {
            self.freshness.journal_wrote();
        }
        probed
    }

    async fn spill_is_ready(&self) -> bool {
        let Some(spill) = &self.spill else {
            return false;
        };
        let last = self.freshness.lock().spill;
        if is_fresh(last) {
            return true;
        }
        let probed: Result<Result<(), Error>, _> = timeout(PROBE_TIMEOUT, spill.probe()).await;
        let probed = matches!(probed, Ok(Ok(())));
        if probed {
            self.freshness.spill_wrote();
        }
        probed
    }
}
