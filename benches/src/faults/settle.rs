//! The end of a run: the faults are over, and everything comes to rest.

use std::time::{Duration, Instant};

use sqlx::types::time::OffsetDateTime;
use tokio::time::sleep;

use super::run::Run;
use super::store;
use crate::console;

/// The longest that is waited for, and how often it is looked.
const PATIENCE: Duration = Duration::from_secs(200);
const PAUSE: Duration = Duration::from_secs(1);
/// How long after its deadline an exchange may still be committing.
const COMMIT: Duration = Duration::from_secs(3);

/// How a run came to rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rest {
    /// Credentials that were neither refreshed nor connected since the faults ended.
    pub(super) unsettled: i64,
    /// When leases were ended first, if they were.
    pub(super) leases_ended: Option<OffsetDateTime>,
}

/// Waits until every credential was refreshed or connected since the faults ended.
pub(super) async fn settle(run: &Run, began: Instant) -> anyhow::Result<Rest> {
    let pool = run.installation.database.pool();
    let since = store::now(pool).await?;
    let faults_over = Instant::now();
    let mut rest = Rest::default();
    loop {
        rest.unsettled = store::unsettled(pool, since).await?;
        let unsettled = rest.unsettled;
        if !run.options.quiet {
            let line = format_args!("settling: {unsettled} credentials to go");
            console::progress(began.elapsed(), line);
        }
        if unsettled == 0 || faults_over.elapsed() > PATIENCE {
            return Ok(rest);
        }
        let are_over = faults_over.elapsed() > run.options.deadline() + COMMIT;
        if run.options.end_leases && are_over {
            if rest.leases_ended.is_none() {
                rest.leases_ended = Some(store::now(pool).await?);
            }
            store::end_leases(pool, since).await?;
        }
        store::nudge(pool).await?;
        sleep(PAUSE).await;
    }
}
