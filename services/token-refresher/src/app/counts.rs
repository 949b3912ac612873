//! What the service counts.

use std::time::Duration;

use workapi_telemetry::{Counter, Histogram, KeyValue, Meter, UpDownCounter};

/// From a commit that meets no other to one that waits for a database that stands still.
const ANSWER_TO_SINK_SECONDS: [f64; 17] = [
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0,
    5.0, 30.0,
];

/// The service's own metrics.
#[derive(Debug)]
pub(crate) struct Counts {
    rotations: Counter<u64>,
    revocations: Counter<u64>,
    answer_to_sink: Histogram<f64>,
    put_off: Counter<u64>,
}

impl Counts {
    pub(crate) fn new(meter: &Meter) -> Self {
        Self {
            rotations: meter
                .u64_counter("workapi.rotations")
                .with_description("Attempts to rotate a credential, by provider and outcome.")
                .build(),
            revocations: meter
                .u64_counter("workapi.revocations")
                .with_description(
                    "Credentials that were ended, by provider and what the provider did.",
                )
                .build(),
            answer_to_sink: meter
                .f64_histogram("workapi.answer_to_sink")
                .with_unit("s")
                .with_description(
                    "From the last byte of a provider's answer to the first sink that has it.",
                )
                .with_boundaries(ANSWER_TO_SINK_SECONDS.to_vec())
                .build(),
            put_off: meter
                .u64_counter("workapi.rotations_put_off")
                .with_description(
                    "Rotations that were due but not allowed, by provider and what forbade them.",
                )
                .build(),
        }
    }

    /// Measures how long an answer was only in memory.
    pub(crate) fn answer_to_sink(&self, provider: &str, duration: Duration) {
        let labels = [KeyValue::new("provider", provider.to_owned())];
        self.answer_to_sink.record(duration.as_secs_f64(), &labels);
    }

    /// Counts a rotation that has to wait; `reason` is from a closed list.
    pub(crate) fn put_off(&self, provider: &str, reason: &'static str) {
        let provider = KeyValue::new("provider", provider.to_owned());
        self.put_off
            .add(1, &[provider, KeyValue::new("reason", reason)]);
    }

    /// Counts an attempt to rotate; `outcome` is from a closed list.
    pub(crate) fn rotation(&self, provider: &str, outcome: &'static str) {
        self.rotations.add(1, &labels(provider, outcome));
    }

    /// Counts an ended credential; `outcome` is from a closed list.
    pub(crate) fn revocation(&self, provider: &str, outcome: &'static str) {
        self.revocations.add(1, &labels(provider, outcome));
    }
}

/// Makes the count of breakers that are open; each replica counts those that it knows of.
pub(crate) fn open_breakers(meter: &Meter) -> UpDownCounter<i64> {
    meter
        .i64_up_down_counter("workapi.open_breakers")
        .with_description("Provider configs whose client the provider refuses, by provider.")
        .build()
}

fn labels(provider: &str, outcome: &'static str) -> [KeyValue; 2] {
    [
        KeyValue::new("provider", provider.to_owned()),
        KeyValue::new("outcome", outcome),
    ]
}
