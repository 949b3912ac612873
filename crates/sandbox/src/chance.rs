//! Faults at random: how likely a token request meets which, drawn from a seeded generator.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::faults::{Fault, Kind};

/// How likely a token request meets each fault. The rates are parts of 1 and are drawn from in
/// this order; what none of them takes goes well.
#[derive(Clone, Debug, Default)]
pub struct FaultRates {
    /// Nothing is done until a random part of [`FaultRates::longest_delay`] has passed.
    pub late: f64,
    /// The new tokens come into force at once, and are answered that late.
    pub late_answer: f64,
    /// The longest delay.
    pub longest_delay: Duration,
    /// The connection is closed and nothing is done.
    pub dropped_before: f64,
    /// The connection is closed when the new tokens are in force.
    pub dropped_after: f64,
    /// 429 with a `Retry-After` of one to [`FaultRates::longest_retry_after`] seconds.
    pub rate_limited: f64,
    /// The longest `Retry-After`, in seconds.
    pub longest_retry_after: u32,
    /// 503.
    pub unavailable: f64,
}

/// How many faults of each kind have happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// See [`FaultRates::late`].
    pub late: u64,
    /// See [`FaultRates::late_answer`].
    pub late_answer: u64,
    /// See [`FaultRates::dropped_before`].
    pub dropped_before: u64,
    /// See [`FaultRates::dropped_after`].
    pub dropped_after: u64,
    /// See [`FaultRates::rate_limited`].
    pub rate_limited: u64,
    /// See [`FaultRates::unavailable`].
    pub unavailable: u64,
}

/// The generator, the rates, and what came of them.
pub(crate) struct Chance(Mutex<State>);

struct State {
    generator: StdRng,
    rates: FaultRates,
    counts: FaultCounts,
}

impl Chance {
    /// Makes one under which everything goes well.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(State {
            generator: StdRng::seed_from_u64(seed),
            rates: FaultRates::default(),
            counts: FaultCounts::default(),
        }))
    }

    /// Replaces the rates; the generator goes on.
    pub(crate) fn set_rates(&self, rates: FaultRates) {
        self.lock().rates = rates;
    }

    /// Returns how many faults have happened.
    pub(crate) fn counts(&self) -> FaultCounts {
        self.lock().counts
    }

    /// Draws the fault of a token request.
    pub(crate) fn draw(&self) -> Option<Fault> {
        self.lock().draw()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn draw(&mut self) -> Option<Fault> {
        let mut left: f64 = self.generator.random();
        let mut takes = |rate: f64| {
            left -= rate;
            left < 0.0
        };
        let rates = &self.rates;
        let counts = &mut self.counts;
        if takes(rates.late) {
            counts.late += 1;
            return Some(Fault::random(Kind::Delay).late(self.delay()));
        }
        if takes(rates.late_answer) {
            counts.late_answer += 1;
            return Some(Fault::random(Kind::DelayAfter).late(self.delay()));
        }
        if takes(rates.dropped_before) {
            counts.dropped_before += 1;
            return Some(Fault::random(Kind::DropBefore));
        }
        if takes(rates.dropped_after) {
            counts.dropped_after += 1;
            return Some(Fault::random(Kind::DropAfter));
        }
        if takes(rates.rate_limited) {
            counts.rate_limited += 1;
            let longest = rates.longest_retry_after.max(1);
            let seconds = self.generator.random_range(1..=longest);
            return Some(Fault::random(Kind::Status).rate_limited(seconds));
        }
        if takes(rates.unavailable) {
            counts.unavailable += 1;
            return Some(Fault::random(Kind::Status));
        }
        None
    }

    fn delay(&mut self) -> Duration {
        let part: f64 = self.generator.random();
        self.rates.longest_delay.mul_f64(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, rates: &FaultRates) -> (Vec<Option<Kind>>, FaultCounts) {
        let chance = Chance::new(seed);
        chance.set_rates(rates.clone());
        let kinds = (0..1000).map(|_| chance.draw().map(|fault| fault.kind()));
        (kinds.collect(), chance.counts())
    }

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        let rates = FaultRates {
            late: 0.2,
            dropped_after: 0.2,
            unavailable: 0.2,
            ..FaultRates::default()
        };

        assert_eq!(drawn(7, &rates), drawn(7, &rates));
        assert_ne!(drawn(7, &rates), drawn(8, &rates));
    }

    #[test]
    fn without_rates_nothing_happens() {
        let (kinds, counts) = drawn(7, &FaultRates::default());

        assert!(kinds.iter().all(Option::is_none));
        assert_eq!(counts, FaultCounts::default());
    }

    #[test]
    fn rates_are_kept_and_counted() {
        let rates = FaultRates {
            dropped_before: 0.5,
            rate_limited: 0.5,
            ..FaultRates::default()
        };

        let (kinds, counts) = drawn(7, &rates);

        assert!(kinds.iter().all(Option::is_some));
        assert!((400..600).contains(&counts.dropped_before), "{counts:?}");
        assert_eq!(counts.dropped_before + counts.rate_limited, 1000);
    }
}
