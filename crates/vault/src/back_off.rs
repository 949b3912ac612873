//! When to try again.

use std::time::Duration;

use sha2::{Digest, Sha256};
use workapi_types::IntegrationId;

/// The shortest wait, and the floor of each later one.
const SHORTEST: f64 = 2.0;
/// The longest wait that nobody asked for.
const LONGEST: f64 = 900.0;
/// The longest that a provider can ask for.
const LONGEST_ASKED: Duration = Duration::from_hours(24);
/// After this many failures the first ones are forgotten.
const REMEMBERED: i32 = 32;

/// Returns the time until the next try after `failures` earlier ones, and never before the
/// provider said (but a day is the longest that is believed).
///
/// The jitter is decorrelated: each wait lies between 2 seconds and three times the one before,
/// up to 15 minutes, so that those who failed together do not come back together. The draws are
/// made from the integration's id: the wait before need not be stored, and a restart moves nothing.
pub(crate) fn back_off(
    integration_id: &IntegrationId,
    failures: i32,
    retry_after: Option<Duration>,
) -> Duration {
    let failures = failures.max(0);
    let draws = (failures - REMEMBERED).max(0)..=failures;
    let wait = draws.fold(SHORTEST, |before, failure| {
        let spread = before * 3.0 - SHORTEST;
        (SHORTEST + spread * draw(integration_id, failure)).min(LONGEST)
    });
    let asked = retry_after.unwrap_or_default().min(LONGEST_ASKED);
    Duration::from_secs_f64(wait).max(asked)
}

/// Returns a number from 0 to 1 that is this integration's for this failure.
fn draw(integration_id: &IntegrationId, failure: i32) -> f64 {
    let mut hash = Sha256::new();
    hash.update(integration_id.as_str());
    hash.update(failure.to_be_bytes());
    let digest = hash.finalize();
    f64::from(u16::from_be_bytes([digest[0], digest[1]])) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn integration(number: u64) -> IntegrationId {
        format!("{number:024x}").parse().unwrap()
    }

    proptest! {
        #[test]
        fn each_wait_lies_between_the_shortest_and_three_times_the_one_before(
            number: u64,
            failures in 0i32..30,
        ) {
            let before = back_off(&integration(number), failures, None);
            let after = back_off(&integration(number), failures + 1, None);

            prop_assert!(after >= Duration::from_secs(2));
            prop_assert!(after <= Duration::from_mins(15).min(before.mul_f64(3.0001)));
        }

        #[test]
        fn a_wait_is_bounded_whatever_is_counted(number: u64, failures: i32) {
            let wait = back_off(&integration(number), failures, None);

            prop_assert!((Duration::from_secs(2)..=Duration::from_mins(15)).contains(&wait));
        }
    }

    #[test]
    fn waits_grow_until_a_dead_provider_is_asked_every_few_minutes() {
        let mean = |failures| {
            let waits = (0..1000).map(|number| back_off(&integration(number), failures, None));
            waits.sum::<Duration>() / 1000
        };

        assert!((3..=5).contains(&mean(0).as_secs()), "{:?}", mean(0));
        assert!(mean(4) > mean(0) * 3, "{:?}", mean(4));
        assert!(mean(40) > Duration::from_mins(4), "{:?}", mean(40));
    }

    #[test]
    fn fm_08_those_who_failed_together_do_not_come_back_together() {
        let waits = (0..1000).map(|number| back_off(&integration(number), 8, None));
        let mut busy = [0; 10];
        for wait in waits {
            let tenth = usize::try_from(wait.as_secs() / 90).unwrap();
            busy[tenth.min(9)] += 1;
        }

        assert!(
            busy.iter().filter(|count| **count > 0).count() >= 4,
            "{busy:?}"
        );
        assert!(busy.iter().all(|count| *count < 800), "{busy:?}");
    }

    #[test]
    fn a_provider_that_names_a_time_is_left_alone_that_long() {
        let asked = Duration::from_secs(1234);

        assert_eq!(back_off(&integration(1), 0, Some(asked)), asked);
    }

    #[test]
    fn a_day_is_the_longest_that_a_provider_can_ask_for() {
        let wait = back_off(&integration(1), 0, Some(Duration::MAX));

        assert_eq!(wait, Duration::from_hours(24));
    }
}
