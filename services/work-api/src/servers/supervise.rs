//! Keeps a server running: one that ends by itself is started again.

use std::io;
use std::process::ExitStatus;
use std::slice::Iter;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Error;
use super::plan::Plan;
use super::process::Process;

/// A server that ran at least this long is taken to be sound.
const SOUND_RUN: Duration = Duration::from_mins(1);

/// The first is short, but long enough for what a killed PostgreSQL leaves
/// behind to go away: a new one refuses to start beside it.
const RESTART_DELAYS: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Watches `process` until `stop` is cancelled, and then stops it.
///
/// # Errors
/// It has ended, or failed to start, too often.
pub(super) async fn supervise(mut process: Process, stop: &CancellationToken) -> Result<(), Error> {
    let mut delays = RESTART_DELAYS.iter();
    loop {
        let status = tokio::select! {
            () = stop.cancelled() => {
                process.stop().await;
                return Ok(());
            }
            status = process.ended() => status,
        };
        report_end(process.plan(), status);
        if process.age() >= SOUND_RUN {
            delays = RESTART_DELAYS.iter();
        }
        process = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            restarted = restart(process.into_plan(), &mut delays) => restarted?,
        };
    }
}

async fn restart(plan: Plan, delays: &mut Iter<'_, Duration>) -> Result<Process, Error> {
    let mut failure = None;
    for delay in delays {
        sleep(*delay).await;
        match Process::start(plan.clone()).await {
            Ok(process) => {
                tracing::info!(server = plan.name, "server is up again");
                return Ok(process);
            }
            Err(error) => {
                tracing::warn!(server = plan.name, "server could not be started again");
                failure = Some(error);
            }
        }
    }
    Err(failure.unwrap_or_else(|| Error::keeps_ending(&plan)))
}

fn report_end(plan: &Plan, status: io::Result<ExitStatus>) {
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    tracing::error!(
        server = plan.name,
        status,
        log = %plan.log.display(),
        "server ended by itself, starting it again",
    );
}
