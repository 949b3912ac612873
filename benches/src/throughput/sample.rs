//! How far a run was when, and what it had used by then.

use std::time::{Duration, Instant};

/// The parts of a run that count as steady: neither its start nor its end.
const STEADY: (f64, f64) = (0.1, 0.9);

/// A look at a run.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    /// Rotations committed so far.
    pub(super) committed: u32,
    /// Processor time used so far, by process.
    pub(super) cpu: Vec<(String, Duration)>,
}

/// What the steady part of a run shows.
#[derive(Clone, Debug)]
pub(super) struct Steady {
    /// Rotations committed in a second.
    pub(super) rate: f64,
    /// Processor time of one rotation, by process.
    pub(super) cpu: Vec<(String, Duration)>,
    /// How much of both processors, or of however many there are, was used, in processors.
    pub(super) processors: f64,
}

impl Steady {
    /// Finds the steady part; `None` when the run was looked at too rarely.
    pub(super) fn of(samples: &[Sample], credentials: u32) -> Option<Self> {
        let part = |sample: &Sample| f64::from(sample.committed) / f64::from(credentials);
        let first = samples.iter().find(|sample| part(sample) >= STEADY.0)?;
        let last = samples.iter().rfind(|sample| part(sample) <= STEADY.1)?;
        let committed = last.committed.checked_sub(first.committed)?;
        if committed == 0 {
            return None;
        }
        let used = first.cpu.iter().zip(&last.cpu);
        let used: Vec<(String, Duration)> = used
            .map(|((name, before), (_, after))| (name.clone(), after.saturating_sub(*before)))
            .collect();
        let took = last.at.duration_since(first.at).as_secs_f64();
        let all: Duration = used.iter().map(|(_, used)| *used).sum();
        Some(Self {
            rate: f64::from(committed) / took,
            processors: all.as_secs_f64() / took,
            cpu: used
                .into_iter()
                .map(|(name, used)| (name, used / committed))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_and_the_end_do_not_count() {
        let began = Instant::now();
        let samples: Vec<Sample> = [(0, 0), (2, 100), (4, 500), (6, 900), (20, 1000)]
            .into_iter()
            .map(|(second, committed)| Sample {
                at: began + Duration::from_secs(second),
                committed,
                cpu: vec![("nats".to_owned(), Duration::from_millis(second * 100))],
            })
            .collect();

        let steady = Steady::of(&samples, 1000).unwrap();

        assert!((steady.rate - 200.0).abs() < 0.001);
        assert!((steady.processors - 0.1).abs() < 0.001);
        assert_eq!(steady.cpu[0].1, Duration::from_micros(500));
        assert!(Steady::of(&samples[..2], 1000).is_none());
    }
}
