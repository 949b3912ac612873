//! `kill -9` of refreshers and auth, at random.

use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use super::run::Run;
use crate::accounting::Kill;

/// Kills until told to stop, and returns whom it killed when.
pub(super) async fn kill(
    run: &Run,
    mut random: StdRng,
    stop: CancellationToken,
) -> anyhow::Result<Vec<Kill>> {
    let mut kills = Vec::new();
    let usual = Duration::from_millis(run.options.kill_every_ms);
    loop {
        let pause = usual.mul_f64(random.random_range(0.5..1.5));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return Ok(kills),
        }
        let victims = &run.victims;
        let victim = &victims[random.random_range(0..victims.len())];
        // What it has measured dies with it.
        run.measured.scrape(victim).await;
        kills.push(victim.kill().await?);
        run.progress.count_kill();
    }
}
