//! The last use of credentials: noted in memory, and written down later, in batches.

use std::collections::HashSet;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use workapi_postgres::Database;
use workapi_types::IntegrationId;

use crate::Error;
use crate::store::on_demand as store;

/// How often uses are written down.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long the last writing may take.
const LAST_PATIENCE: Duration = Duration::from_secs(2);
/// How many credentials one statement takes.
const BATCH: usize = 1_000;
/// How many credentials are kept in memory; those beyond are noted at a later use.
const MOST: usize = 100_000;

/// Credentials that were used and whose rows do not say so yet. That a row says so is what keeps
/// it from being noted again for a minute, here and in every other replica.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<HashSet<IntegrationId>>);

impl Uses {
    /// Notes a use; never waits.
    pub(crate) fn note(&self, integration_id: &IntegrationId) {
        let mut uses = self.lock();
        if uses.len() < MOST && !uses.contains(integration_id) {
            uses.insert(integration_id.clone());
        }
    }

    /// Writes down what was noted.
    pub(crate) async fn flush(&self, database: &Database) -> Result<u64, Error> {
        let used: Vec<_> = mem::take(&mut *self.lock()).into_iter().collect();
        let mut written = 0;
        for batch in used.chunks(BATCH) {
            written += store::note_uses(database.pool(), batch).await?;
        }
        Ok(written)
    }

    /// Writes down what was noted, again and again until `shutdown`, and then once more.
    pub(crate) async fn record(&self, database: &Database, shutdown: CancellationToken) {
        let mut is_last = false;
        while !is_last {
            tokio::select! {
                () = sleep(INTERVAL) => {}
                () = shutdown.cancelled() => is_last = true,
            }
            let patience = if is_last { LAST_PATIENCE } else { INTERVAL };
            match timeout(patience, self.flush(database)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "uses of credentials were not noted"),
                Err(_) => tracing::warn!("uses of credentials were not noted in time"),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<IntegrationId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
