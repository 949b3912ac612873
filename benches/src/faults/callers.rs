//! Who needs an access token right now, and whether it is refused although there is one.

use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use super::run::Run;
use super::store;

/// The pause between two calls.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a token has to be good for a refusal to count.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a caller waits for a token that has to be refreshed first.
const DEADLINE: Duration = Duration::from_secs(2);

/// How calls ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calls {
    /// All of them.
    pub(super) asked: u64,
    /// Those that got a token.
    pub(super) served: u64,
    /// Those that got none although there was one and PostgreSQL was up.
    pub(super) refused: u64,
}

/// Asks for tokens of random credentials until told to stop.
pub(super) async fn call(
    run: &Run,
    mut random: StdRng,
    stop: CancellationToken,
) -> anyhow::Result<Calls> {
    let mut calls = Calls::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return Ok(calls),
        }
        let index = random.random_range(0..run.fleet.len());
        let integration = run.fleet.integration(index);
        let pool = run.installation.database.pool();
        let Some(up) = run.outage.up() else {
            continue;
        };
        let before = store::has_token(pool, integration.as_str(), PATIENCE).await;
        let asked = run
            .access
            .access_token(integration, Duration::ZERO, DEADLINE);
        let is_served = asked.await.is_ok();
        calls.asked += 1;
        if is_served {
            calls.served += 1;
        } else if matches!(before, Ok(Some(true))) && run.outage.was_up_since(up) {
            calls.refused += 1;
        }
    }
}
