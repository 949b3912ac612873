//! When to try again.

use std::time::Duration;

/// Returns the time until the next try: doubling from 5 seconds to 15 minutes, spread so that
/// those who failed together do not come back together, and never before the provider said
/// (but a day is the longest that is believed).
pub(crate) fn back_off(failures: i32, retry_after: Option<Duration>) -> Duration {
    const FIRST: f64 = 5.0;
    const LONGEST: f64 = 900.0;
    const LONGEST_ASKED: Duration = Duration::from_hours(24);
    let ceiling = (FIRST * 2f64.powi(failures.clamp(0, 16))).min(LONGEST);
    let spread = ceiling * (0.5 + 0.5 * rand::random::<f64>());
    let asked = retry_after.unwrap_or_default().min(LONGEST_ASKED);
    Duration::from_secs_f64(spread).max(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_a_quarter_of_an_hour() {
        assert!(back_off(0, None) <= Duration::from_secs(5));
        assert!(back_off(3, None) >= Duration::from_secs(20));
        assert!(back_off(1000, None) <= Duration::from_mins(15));
    }

    #[test]
    fn a_provider_that_names_a_time_is_left_alone_that_long() {
        let asked = Duration::from_secs(1234);

        assert_eq!(back_off(0, Some(asked)), asked);
    }

    #[test]
    fn a_day_is_the_longest_that_a_provider_can_ask_for() {
        assert_eq!(back_off(0, Some(Duration::MAX)), Duration::from_hours(24));
    }
}
