//! The provider's days: mostly fair, with storms of 503.

use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;
use workapi_sandbox::FaultRates;

use super::run::Run;

/// How long it is fair, and how long a storm lasts, in seconds.
const FAIR: std::ops::Range<f64> = 20.0..60.0;
const STORM: std::ops::Range<f64> = 3.0..10.0;

/// Lets storms come and go until told to stop, and returns how many there were.
pub(super) async fn change(
    run: &Run,
    mut random: StdRng,
    stop: CancellationToken,
) -> anyhow::Result<u64> {
    let mut storms = 0;
    loop {
        run.control.set_fault_rates(rates(run));
        let fair = random.random_range(FAIR);
        if ends_within(fair, &stop).await {
            return Ok(storms);
        }
        storms += 1;
        run.control.set_fault_rates(FaultRates {
            unavailable: random.random_range(0.3..0.9),
            ..rates(run)
        });
        let storm = random.random_range(STORM);
        if ends_within(storm, &stop).await {
            return Ok(storms);
        }
    }
}

async fn ends_within(seconds: f64, stop: &CancellationToken) -> bool {
    let length = Duration::from_secs_f64(seconds);
    let stopped = tokio::time::timeout(length, stop.cancelled()).await;
    stopped.is_ok()
}

/// What goes wrong on any day.
fn rates(run: &Run) -> FaultRates {
    let usual = run.options.fault_rate;
    FaultRates {
        late: 0.002 * usual,
        late_answer: 0.002 * usual,
        longest_delay: Duration::from_secs(run.options.longest_delay),
        dropped_before: 0.003 * usual,
        dropped_after: 0.002 * usual,
        rate_limited: 0.001 * usual,
        longest_retry_after: 3,
        unavailable: 0.002 * usual,
    }
}
