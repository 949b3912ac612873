//! The histograms of the programs, read from their `/metrics`.

use std::collections::BTreeMap;
use std::time::Duration;

/// A cumulative histogram of seconds, by the upper bounds of its buckets in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram(BTreeMap<u64, u64>);

/// Where the histogram's last bucket ends.
const UNBOUNDED: u64 = u64::MAX;

impl Histogram {
    /// Reads a histogram from the Prometheus text format, all label sets together; `name` is
    /// the metric's, with or without the unit that the exporter puts behind it.
    pub(crate) fn read(text: &str, name: &str) -> Self {
        let mut histogram = Self::default();
        for line in text.lines().filter(|line| line.starts_with(name)) {
            if let Some((bound, count)) = bucket(line) {
                *histogram.0.entry(bound).or_default() += count;
            }
        }
        histogram
    }

    /// Adds what another process has measured.
    pub(crate) fn add(&mut self, other: &Self) {
        for (bound, count) in &other.0 {
            *self.0.entry(*bound).or_default() += count;
        }
    }

    /// Returns how many values there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.values().copied().max().unwrap_or_default()
    }

    /// Returns the part of all values that are not above a bound of a bucket; 0 where nothing was
    /// measured, or the bound is none.
    pub(crate) fn part_within(&self, bound: Duration) -> f64 {
        let bound = u64::try_from(bound.as_nanos()).unwrap_or(UNBOUNDED);
        let within = self.0.get(&bound).copied().unwrap_or_default();
        precise(within) / precise(self.count().max(1))
    }

    /// Returns the upper bound of the bucket in which a part of all values ends; `None` where that
    /// has no end, or nothing was measured.
    pub(crate) fn quantile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        let wanted = (precise(count) * part).ceil();
        let mut buckets = self.0.iter();
        let (bound, _) = buckets.find(|(_, below)| count > 0 && precise(**below) >= wanted)?;
        (*bound != UNBOUNDED).then(|| Duration::from_nanos(*bound))
    }
}

/// Reads `name_bucket{…,le="0.005"} 17`.
fn bucket(line: &str) -> Option<(u64, u64)> {
    let (name, rest) = line.split_once('{')?;
    let (labels, count) = rest.rsplit_once("} ")?;
    let (_, bound) = labels.split_once("le=\"")?;
    let (bound, _) = bound.split_once('"')?;
    let bound = match bound {
        "+Inf" => UNBOUNDED,
        seconds => u64::try_from(
            Duration::try_from_secs_f64(seconds.parse().ok()?)
                .ok()?
                .as_nanos(),
        )
        .ok()?,
    };
    let count = count.parse().ok().filter(|_| name.ends_with("_bucket"))?;
    Some((bound, count))
}

/// Returns the values at the middle, at the 99th percentile and at the end; zeros for nothing.
pub(crate) fn of_sample(mut sample: Vec<Duration>) -> [Duration; 3] {
    sample.sort_unstable();
    let at = |per_mille: usize| {
        let index = (sample.len() * per_mille / 1000).min(sample.len().saturating_sub(1));
        sample.get(index).copied().unwrap_or_default()
    };
    [at(500), at(990), at(1000)]
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn precise(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# TYPE workapi_answer_to_sink_seconds histogram
workapi_answer_to_sink_seconds_bucket{class=\"D\",le=\"0.005\"} 90
workapi_answer_to_sink_seconds_bucket{class=\"D\",le=\"0.02\"} 99
workapi_answer_to_sink_seconds_bucket{class=\"D\",le=\"+Inf\"} 100
workapi_answer_to_sink_seconds_sum{class=\"D\"} 1.5
workapi_answer_to_sink_seconds_count{class=\"D\"} 100
";

    #[test]
    fn quantiles_are_the_bounds_of_their_buckets() {
        let histogram = Histogram::read(TEXT, "workapi_answer_to_sink");

        assert_eq!(histogram.count(), 100);
        assert_eq!(histogram.quantile(0.5), Some(Duration::from_millis(5)));
        assert_eq!(histogram.quantile(0.99), Some(Duration::from_millis(20)));
        assert_eq!(histogram.quantile(1.0), None);
    }

    #[test]
    fn histograms_of_several_processes_add_up() {
        let mut histogram = Histogram::read(TEXT, "workapi_answer_to_sink");
        histogram.add(&histogram.clone());

        assert_eq!(histogram.count(), 200);
        assert_eq!(histogram.quantile(0.5), Some(Duration::from_millis(5)));
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn the_quantiles_of_a_sample_are_values_of_it() {
        let sample = (1..=1000).map(Duration::from_millis).collect();

        let [middle, high, end] = of_sample(sample);

        assert_eq!(middle, Duration::from_millis(501));
        assert_eq!(high, Duration::from_millis(991));
        assert_eq!(end, Duration::from_secs(1));
        assert_eq!(of_sample(Vec::new()), [Duration::ZERO; 3]);
    }
}
