//! Telling of grants that will end on a known day. Every replica does; each notice is taken by one.

use std::time::Duration;

use workapi_runtime::Shutdown;

use crate::app::App;

/// How many notices are told in one transaction.
const BATCH: i64 = 200;

/// Tells what is due, until the shutdown drains.
pub(crate) async fn run(app: &App, interval: Duration, shutdown: &Shutdown) {
    loop {
        let pause = match app.vault().tell_expiring(BATCH).await {
            Ok(told) if i64::try_from(told).is_ok_and(|told| told >= BATCH) => Duration::ZERO,
            Ok(_) => interval,
            Err(error) => {
                tracing::warn!(%error, "the ends of grants could not be told; trying on");
                interval
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.draining() => return,
        }
    }
}
