//! Telling the owner of the integrations which accounts they were connected to, until it has
//! heard.

use std::time::Duration;

use workapi_runtime::Shutdown;
use workapi_vault::Projection;

use crate::app::directory::Recorded;
use crate::app::{App, Error};

/// How many accounts are told between two looks.
const BATCH: i64 = 50;

impl App {
    /// Tells one account; `None` when it has to be told again later. An integration that is gone
    /// takes its credential with it.
    pub(super) async fn project(&self, account: &Projection) -> Result<Option<Recorded>, Error> {
        let recorded = match self.directory.record(account).await {
            Ok(recorded) => recorded,
            Err(status) => {
                tracing::warn!(
                    integration.id = %account.integration_id,
                    code = ?status.code(),
                    "integrations did not take an account; it will be told again"
                );
                return Ok(None);
            }
        };
        if recorded == Recorded::Gone {
            self.vault().delete(&account.integration_id).await?;
        }
        self.vault()
            .finish_projection(&account.integration_id, account.grant_id)
            .await?;
        Ok(Some(recorded))
    }

    async fn project_due(&self) -> Result<(), Error> {
        for account in self.vault().claim_projections(BATCH).await? {
            self.project(&account).await?;
        }
        Ok(())
    }
}

/// Tells what is due, until the shutdown drains.
pub(crate) async fn run(app: &App, interval: Duration, shutdown: &Shutdown) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = shutdown.draining() => return,
        }
        if let Err(error) = app.project_due().await {
            tracing::debug!(%error, "accounts could not be told; trying on");
        }
    }
}
