//! Records what a process logs and which spans it ends, for tests.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use tracing_subscriber::{filter::LevelFilter, prelude::*};

use crate::subscriber::{LogFormat, log_layer, span_layer};

static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// What the process has logged, and the spans that it has ended, since [`record`] was called.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    spans: Arc<Mutex<Vec<SpanData>>>,
    logs: Arc<Mutex<Vec<u8>>>,
}

/// Installs a recorder as the subscriber of the test process, once; later calls return it again.
///
/// Tests that share a process tell their spans and lines apart by trace id. Lines are JSON, of
/// level debug and above.
pub fn record() -> &'static Recorder {
    RECORDER.get_or_init(|| {
        let recorder = Recorder::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(Exporter(recorder.clone()))
            .build();
        let writer = recorder.clone();
        let logs = log_layer(LogFormat::Json, false, move || writer.clone());
        // A test binary with a subscriber of its own keeps it, and records nothing.
        let _ = tracing_subscriber::registry()
            .with(logs.with_filter(LevelFilter::DEBUG))
            .with(span_layer(&provider))
            .try_init();
        recorder
    })
}

impl Recorder {
    /// Returns the ended spans of a trace, in the order in which they ended.
    pub fn spans(&self, trace_id: &str) -> Vec<SpanData> {
        let mut spans = self.all_spans();
        spans.retain(|span| span.span_context.trace_id().to_string() == trace_id);
        spans
    }

    /// Returns the ended spans of all traces, in the order in which they ended.
    pub fn all_spans(&self) -> Vec<SpanData> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.clone()
    }

    /// Returns everything logged so far, one JSON object a line.
    pub fn logs(&self) -> String {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&logs).into_owned()
    }
}

impl io::Write for Recorder {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Exporter(Recorder);

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut spans = self.0.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.extend(batch);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::TraceContextExt;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    #[test]
    fn a_log_line_carries_the_trace_id_of_its_span() {
        let recorder = record();
        let span = tracing::info_span!("request", integration.id = "65f0");
        let trace_id = span.context().span().span_context().trace_id().to_string();

        span.in_scope(|| tracing::info!(provider = "sandbox", "connected an account"));

        let logs = recorder.logs();
        let line = logs.lines().find(|line| line.contains(&trace_id)).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["trace_id"], *trace_id);
        assert_eq!(line["message"], "connected an account");
        assert_eq!(line["provider"], "sandbox");
        assert_eq!(line["spans"][0]["integration.id"], "65f0");
    }

    #[test]
    fn an_ended_span_is_found_by_its_trace() {
        let recorder = record();
        let span = tracing::info_span!("exchange");
        let trace_id = span.context().span().span_context().trace_id().to_string();

        drop(span);

        let spans = recorder.spans(&trace_id);
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].name, "exchange");
    }
}
