//! The rules of the limits, as one process keeps them; `admit.lua` and `finish.lua` are the same
//! rules for all processes.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::Outcome;

/// Why a call has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The provider asked to be left alone.
    Blocked,
    /// As many calls as may run are running.
    Full,
    /// As many calls as may begin in a second have begun.
    TooFast,
}

impl Reason {
    /// Returns the name in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Full => "concurrency",
            Self::TooFast => "rate",
        }
    }
}

/// A call that has to wait: why, and how long at least, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) wait: Duration,
}

/// What is known about one client.
#[derive(Debug)]
pub(super) struct Pace {
    running: u32,
    /// Fewer places than there are, after the provider was overloaded: one more with each answer,
    /// which doubles them every round.
    window: Option<u32>,
    blocked_until: Option<Instant>,
    tokens: f64,
    counted_at: Instant,
}

impl Pace {
    pub(super) fn new(rate: Option<NonZeroU32>, now: Instant) -> Self {
        Self {
            running: 0,
            window: None,
            blocked_until: None,
            tokens: rate.map_or(0.0, |rate| rate.get().into()),
            counted_at: now,
        }
    }

    /// Returns how long the provider is still to be left alone.
    pub(super) fn blocked_for(&self, now: Instant) -> Option<Duration> {
        let left = self.blocked_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Leaves the provider alone for a time.
    pub(super) fn block(&mut self, time: Duration, now: Instant) {
        self.blocked_until = self.blocked_until.max(Some(now + time));
    }

    /// Decides whether one more call may be made. If so, it is still to be [entered](Self::enter).
    pub(super) fn admit(
        &mut self,
        places: u32,
        rate: Option<f64>,
        now: Instant,
    ) -> Result<(), Refusal> {
        if let Some(wait) = self.blocked_for(now) {
            let reason = Reason::Blocked;
            return Err(Refusal { reason, wait });
        }
        let window = self.window.map_or(places, |window| window.min(places));
        if self.running >= window {
            let reason = Reason::Full;
            let wait = until_less_full(places, window);
            return Err(Refusal { reason, wait });
        }
        rate.map_or(Ok(()), |rate| self.spend(rate, now))
    }

    /// Takes a token out of the bucket, which holds those of one second.
    fn spend(&mut self, rate: f64, now: Instant) -> Result<(), Refusal> {
        let gained = now.duration_since(self.counted_at).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min(rate.max(1.0));
        self.counted_at = now;
        if self.tokens < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - self.tokens) / rate);
            let reason = Reason::TooFast;
            return Err(Refusal { reason, wait });
        }
        self.tokens -= 1.0;
        Ok(())
    }

    /// A call begins.
    pub(super) fn enter(&mut self) {
        self.running += 1;
    }

    /// A call has ended.
    pub(super) fn leave(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Takes in what a call told about the provider.
    pub(super) fn learn(&mut self, outcome: Outcome, places: u32, now: Instant) {
        match outcome {
            Outcome::Unsent => {}
            Outcome::Answered => {
                let grown = self.window.map(|window| window + 1);
                self.window = grown.filter(|window| *window < places);
            }
            Outcome::Overloaded { retry_after: None } => {
                self.window = Some((self.window.unwrap_or(places) / 2).max(1));
            }
            Outcome::Overloaded {
                retry_after: Some(peace),
            } => {
                self.window = Some(1);
                self.block(peace, now);
            }
        }
    }
}

/// The fewer places are left of all, the longer those without one stay away: a provider that is
/// down is no reason to turn the same jobs round and round.
fn until_less_full(places: u32, window: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(5);
    (Duration::from_millis(250) * (places / window - 1)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes as many calls as may run at one time.
    fn fill(pace: &mut Pace, now: Instant) -> u32 {
        let mut calls = 0;
        while pace.admit(16, None, now).is_ok() {
            pace.enter();
            calls += 1;
        }
        calls
    }

    fn drain(pace: &mut Pace, calls: u32, outcome: Outcome, now: Instant) {
        for _ in 0..calls {
            pace.learn(outcome, 16, now);
            pace.leave();
        }
    }

    #[test]
    fn no_more_calls_run_than_there_are_places() {
        let now = Instant::now();
        let mut pace = Pace::new(None, now);

        assert_eq!(fill(&mut pace, now), 16);
        pace.leave();
        assert_eq!(fill(&mut pace, now), 1);
    }

    #[test]
    fn after_a_block_the_places_come_back_one_two_four_and_so_on() {
        let now = Instant::now();
        let mut pace = Pace::new(None, now);
        let retry_after = Some(Duration::from_mins(1));

        pace.learn(Outcome::Overloaded { retry_after }, 16, now);

        let refusal = pace.admit(16, None, now).unwrap_err();
        assert_eq!(refusal.reason, Reason::Blocked);
        assert_eq!(refusal.wait, Duration::from_mins(1));
        let later = now + Duration::from_mins(1);
        let rounds = [1, 2, 4, 8, 16, 16].map(|_| {
            let calls = fill(&mut pace, later);
            drain(&mut pace, calls, Outcome::Answered, later);
            calls
        });
        assert_eq!(rounds, [1, 2, 4, 8, 16, 16]);
    }

    #[test]
    fn an_outage_leaves_one_call_at_a_time() {
        let now = Instant::now();
        let mut pace = Pace::new(None, now);
        let calls = fill(&mut pace, now);

        drain(
            &mut pace,
            calls,
            Outcome::Overloaded { retry_after: None },
            now,
        );

        assert_eq!(fill(&mut pace, now), 1);
        let refusal = pace.admit(16, None, now).unwrap_err();
        assert_eq!(refusal.reason, Reason::Full);
        assert_eq!(refusal.wait, Duration::from_millis(3750));
    }

    #[test]
    fn a_shorter_block_does_not_end_a_longer_one() {
        let now = Instant::now();
        let mut pace = Pace::new(None, now);

        for seconds in [60, 10] {
            let retry_after = Some(Duration::from_secs(seconds));
            pace.learn(Outcome::Overloaded { retry_after }, 16, now);
        }

        assert_eq!(pace.blocked_for(now), Some(Duration::from_mins(1)));
    }

    #[test]
    fn a_second_begins_no_more_calls_than_the_rate() {
        let start = Instant::now();
        let mut pace = Pace::new(NonZeroU32::new(3), start);
        let mut begun_at = |after: Duration| {
            std::iter::repeat_with(|| pace.admit(16, Some(3.0), start + after))
                .take_while(Result::is_ok)
                .count()
        };

        assert_eq!(begun_at(Duration::ZERO), 3);
        assert_eq!(begun_at(Duration::from_millis(400)), 1);
        assert_eq!(begun_at(Duration::from_mins(10)), 3);
    }

    #[test]
    fn who_is_too_fast_is_told_when_to_come_back() {
        let now = Instant::now();
        let mut pace = Pace::new(NonZeroU32::new(1), now);
        pace.admit(16, Some(1.0), now).unwrap();

        let refusal = pace.admit(16, Some(1.0), now).unwrap_err();

        assert_eq!(refusal.reason, Reason::TooFast);
        assert_eq!(refusal.wait, Duration::from_secs(1));
    }
}
