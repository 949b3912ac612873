//! What the service counts.

use workapi_telemetry::{Counter, KeyValue, Meter};

/// The service's own metrics.
#[derive(Debug)]
pub(crate) struct Counts {
    rotations: Counter<u64>,
    revocations: Counter<u64>,
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
        }
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

fn labels(provider: &str, outcome: &'static str) -> [KeyValue; 2] {
    [
        KeyValue::new("provider", provider.to_owned()),
        KeyValue::new("outcome", outcome),
    ]
}
