//! The export of spans to a collector over OTLP.
#![cfg(test)]

mod collector;

use opentelemetry::trace::TraceContextExt;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use workapi_telemetry::{Error, LogFile, LogFormat, Options, init};

use crate::collector::Collector;

#[tokio::test(flavor = "multi_thread")]
async fn spans_reach_the_collector_whatever_is_logged() {
    let mut collector = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("auth.log");
    let options = Options {
        service: "auth-under-test".to_owned(),
        log_filter: "off".to_owned(),
        log_format: LogFormat::Json,
        log_file: Some(LogFile {
            path: log.clone(),
            filter: "info".to_owned(),
        }),
        otlp_endpoint: Some(collector.url.clone()),
        sampling: 1.0,
    };
    let telemetry = init(&options).unwrap();
    let span = tracing::info_span!("exchange", provider = "sandbox");
    let trace_id = span.context().span().span_context().trace_id();
    span.in_scope(|| tracing::info!("exchanging"));
    tracing::debug!("not to be logged");
    drop(span);

    let second = init(&options).unwrap_err();
    telemetry.shutdown().await;

    let export = collector.exports.recv().await.unwrap();
    for expected in [
        &trace_id.to_bytes()[..],
        b"exchange",
        b"sandbox",
        b"auth-under-test",
    ] {
        assert!(
            export
                .windows(expected.len())
                .any(|window| window == expected)
        );
    }
    assert!(matches!(second, Error::AlreadyInstalled(_)));
    let logged = std::fs::read_to_string(log).unwrap();
    assert!(logged.contains("exchanging") && logged.contains(&trace_id.to_string()));
    assert!(!logged.contains("not to be logged"));
}
