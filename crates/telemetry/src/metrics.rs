//! Metrics in the Prometheus text format.

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};

/// The metrics of one program, or of one stack in a test.
///
/// Not global: instruments are made from a [`Meter`] that is handed to whoever measures. Cloning
/// is cheap and gives the same metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    provider: SdkMeterProvider,
    registry: Registry,
}

impl Metrics {
    /// Creates an empty set of metrics.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "an empty registry takes its first collector"
    )]
    pub fn new() -> Self {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_target_info()
            .build()
            .expect("the registry is empty");
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        Self { provider, registry }
    }

    /// Returns the meter of a service, such as `"gateway"`.
    ///
    /// The name becomes the label `otel_scope_name`, which tells the services of one process apart.
    pub fn meter(&self, service: &'static str) -> Meter {
        self.provider.meter(service)
    }

    /// Renders all metrics in the Prometheus text exposition format, version 0.0.4.
    pub fn render(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_else(|error| {
                tracing::error!(%error, "failed to render the metrics");
                String::new()
            })
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::KeyValue;

    #[test]
    fn a_counter_is_rendered_with_its_labels() {
        let metrics = Metrics::new();
        let counter = metrics.meter("auth").u64_counter("exchanges").build();

        counter.add(2, &[KeyValue::new("provider", "sandbox")]);

        let text = metrics.render();
        assert!(
            text.contains(r#"exchanges_total{otel_scope_name="auth",provider="sandbox"} 2"#)
                || text.contains(r#"exchanges_total{provider="sandbox",otel_scope_name="auth"} 2"#),
            "{text}"
        );
    }

    #[test]
    fn two_instances_count_apart() {
        let (first, second) = (Metrics::new(), Metrics::new());

        first
            .meter("auth")
            .u64_counter("exchanges")
            .build()
            .add(1, &[]);

        assert!(first.render().contains("exchanges_total"));
        assert!(!second.render().contains("exchanges_total"));
    }
}
