//! Publishes what services append to their outbox.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use workapi_postgres::Database;

use crate::bus::Outgoing;
use crate::{Bus, headers, outbox};

/// How many events are published before a commit.
const BATCH: usize = 256;
/// How often an empty outbox is looked at. A poll costs one index look-up; `NOTIFY` would
/// cost every writer a lock that serialises commits.
const IDLE: Duration = Duration::from_millis(50);
/// How long to leave PostgreSQL or NATS alone after a failure.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// Moves events from one database's outbox to the `EVENTS` stream, at least once each.
///
/// Any number of replicas may run: each takes what no other holds. JetStream drops what
/// is published twice, by the entry's id.
#[derive(Clone, Debug)]
pub struct Relay {
    database: Database,
    bus: Bus,
}

impl Relay {
    /// Makes a relay from `database` to `bus`.
    pub fn new(database: Database, bus: Bus) -> Self {
        Self { database, bus }
    }

    /// Publishes until `shutdown`; then publishes what is left and returns.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut failing = false;
        while !shutdown.is_cancelled() {
            let pause = match self.publish_all().await {
                Ok(()) => {
                    if failing {
                        tracing::info!("the outbox is being published again");
                        failing = false;
                    }
                    IDLE
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, cause = error.source(), "the outbox can't be published; trying on");
                        failing = true;
                    }
                    FAILURE_PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => {}
            }
        }
        if let Err(error) = self.publish_all().await {
            tracing::warn!(%error, "events stay in the outbox for the next start");
        }
    }

    /// Publishes until the outbox is empty.
    async fn publish_all(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        while self.publish_batch().await? == BATCH {}
        Ok(())
    }

    /// Publishes the oldest events and returns how many there were.
    async fn publish_batch(&self) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
        let mut transaction = self.database.begin().await?;
        let entries = outbox::take(&mut transaction, BATCH).await?;
        let published = entries.len();
        if published > 0 {
            let messages = entries
                .into_iter()
                .map(|entry| Outgoing {
                    headers: headers::for_event(&entry),
                    subject: entry.subject,
                    payload: entry.payload.into(),
                })
                .collect();
            self.bus.publish_all(messages).await?;
            transaction.commit().await?;
        }
        Ok(published)
    }
}
