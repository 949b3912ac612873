//! What the service counts.

use workapi_telemetry::{Counter, KeyValue, Meter, UpDownCounter};

/// The service's own metrics.
#[derive(Debug)]
pub(crate) struct Counts {
    rotations: Counter<u64>,
    revocations: Counter<u64>,
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
            put_off: meter
                .u64_counter("workapi.rotations_put_off")
                .with_description(
                    "Rotations that were due but not allowed, by provider and what forbade them.",
                )
                .build(),
        }
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
