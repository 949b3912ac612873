//! The users who consent again when they are asked to, and the operator who looks after the rest.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::run::Run;
use super::store;

/// How often they look.
const PAUSE: Duration = Duration::from_millis(500);

/// Mends what is broken until told to stop, and returns how many credentials waited for the
/// operator.
pub(super) async fn mend(run: &Run, stop: CancellationToken) -> anyhow::Result<u64> {
    let mut retried = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return Ok(retried),
        }
        let pool = run.installation.database.pool();
        // While the database is away there is nothing to see.
        let Ok(broken) = store::broken_pairs(pool).await else {
            continue;
        };
        for pair in broken {
            let index = run.fleet.end_grant(&pair, run.installation.key_ring())?;
            run.progress.count_reconnect();
            run.fleet.connect(index).await?;
        }
        retried += store::retry(pool).await.unwrap_or_default();
    }
}
