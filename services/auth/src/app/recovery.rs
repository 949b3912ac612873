//! Storing grants whose process died before PostgreSQL had them: the journal has (refresh protocol,
//! section 6).

use std::time::Duration;

use workapi_runtime::Shutdown;
use workapi_vault::{Connected, OpenExchange};

use crate::app::{App, Error, Outcome};

/// The grant of an exchange that began longer ago than this is hardly to be hoped for: it is looked for
/// once in so many times.
const HOPEFUL: Duration = Duration::from_hours(1);
const SELDOM: u32 = 60;
/// As long as the vault remembers that one did not end.
const EVER: Duration = Duration::from_hours(35 * 24);
/// How many exchanges are read at once.
const BATCH: i64 = 100;

/// Looks for what is to be recovered, until the shutdown drains.
pub(crate) async fn run(app: &App, interval: Duration, shutdown: &Shutdown) {
    for look in 0_u32.. {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = shutdown.draining() => return,
        }
        let within = if look.is_multiple_of(SELDOM) {
            EVER
        } else {
            HOPEFUL
        };
        if let Err(error) = app.recover_exchanges(within).await {
            tracing::debug!(%error, "open exchanges can't be looked at; trying on");
        }
    }
}

impl App {
    async fn recover_exchanges(&self, within: Duration) -> Result<(), Error> {
        let mut last = None;
        loop {
            let exchanges = self
                .vault()
                .open_exchanges(within, last.as_ref(), BATCH)
                .await?;
            for exchange in &exchanges {
                // One that can't be recovered must not keep the others from it.
                if let Err(error) = self.recover_exchange(exchange).await {
                    tracing::warn!(integration.id = %exchange.integration_id, %error, "an open exchange was not recovered; it is tried again");
                }
            }
            last = exchanges.into_iter().last();
            if last.is_none() {
                return Ok(());
            }
        }
    }

    async fn recover_exchange(&self, exchange: &OpenExchange) -> Result<(), Error> {
        let recovered = self
            .sinks
            .recover_grant(&exchange.integration_id, exchange.grant_id)
            .await?;
        let Some(connected) = recovered else {
            return Ok(());
        };
        let outcome = match connected {
            Connected::Stored | Connected::Superseded => Outcome::Success,
            Connected::AccountMismatch => Outcome::AccountMismatch,
            Connected::Deleted => Outcome::IntegrationDeleted,
            Connected::NoRefreshToken => Outcome::NoRefreshToken,
        };
        self.vault()
            .finish_exchange(exchange.state_hash, outcome.as_str())
            .await?;
        tracing::info!(
            integration.id = %exchange.integration_id,
            outcome = outcome.as_str(),
            "a grant was found in the journal"
        );
        Ok(())
    }
}
