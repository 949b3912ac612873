//! Finding credentials whose integration is gone without a word, and purging old records
//! (refresh protocol, section 5).

use std::time::Duration;

use workapi_runtime::Shutdown;
use workapi_types::IntegrationId;

use crate::app::{App, Error};

/// How many integrations are asked about at once.
const BATCH: i64 = 1000;

/// Keeps the vault in order, until the shutdown drains.
pub(crate) async fn run(app: &App, interval: Duration, shutdown: &Shutdown) {
    loop {
        // Spread, so that replicas that were started together do not sweep together.
        let pause = interval.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.draining() => return,
        }
        if let Err(error) = app.sweep().await {
            tracing::warn!(%error, "the vault could not be swept; it is tried again later");
        }
    }
}

impl App {
    /// Deletes credentials whose integration is gone, and purges old records.
    pub(super) async fn sweep(&self) -> Result<(), Error> {
        self.vault().purge().await?;
        for shredded in self.vault().shredded_lately().await? {
            self.sinks.purge(&shredded).await?;
        }
        let mut last: Option<IntegrationId> = None;
        loop {
            let ids = self
                .vault()
                .integrations_after(last.as_ref(), BATCH)
                .await?;
            let Some(end) = ids.last() else { return Ok(()) };
            // An error ends the sweep: only an answer may count against an integration.
            let existing = self.directory.existing(&ids).await?;
            for orphan in self.vault().note_existing(&ids, &existing).await? {
                tracing::warn!(integration.id = %orphan, "deleting the credential of a lost integration");
                self.vault().delete(&orphan).await?;
            }
            last = Some(end.clone());
        }
    }
}
