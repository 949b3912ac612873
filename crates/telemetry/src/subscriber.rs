//! The process's tracing subscriber.

use std::{
    fs::OpenOptions,
    io::{self, IsTerminal},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider, TracerProviderBuilder},
};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{LevelFilter, ParseError},
    fmt::MakeWriter,
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};

use crate::format::JsonWithTraceId;

/// What these say when all is well is for their own developers; the options can still ask for it.
const QUIET: &str = "opentelemetry_sdk=warn,async_nats=warn,sqlx=warn";
const EXPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// What [`init`] needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// `service.name` of the exported spans.
    pub service: String,
    /// Which events are logged on stderr, as comma-separated directives: `info`,
    /// `info,workapi_auth=debug`. Spans of level info and above exist whatever it says.
    pub log_filter: String,
    /// The layout of a log line.
    pub log_format: LogFormat,
    /// A file that is logged to as well.
    pub log_file: Option<LogFile>,
    /// OTLP collector to export spans to over gRPC. `None`: no export.
    pub otlp_endpoint: Option<String>,
    /// Share of the traces begun here that are recorded for export, 0.0 to 1.0. A trace that began
    /// elsewhere keeps the decision made there.
    pub sampling: f64,
}

/// The layout of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people, with colours on a terminal.
    Text,
    /// One JSON object a line, with `trace_id` and `span_id`.
    Json,
}

/// A file of log lines; new ones are written at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Where it is, or is made.
    pub path: PathBuf,
    /// Which events it holds.
    pub filter: String,
}

/// Why the telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log filter is malformed.
    #[error("failed to parse the log filter")]
    LogFilter(#[source] ParseError),
    /// The log file can't be written.
    #[error("failed to open the log file {path}")]
    LogFile {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The exporter could not be built for the endpoint.
    #[error("failed to set up the export of traces over OTLP")]
    Exporter(#[source] ExporterBuildError),
    /// The process has a subscriber.
    #[error("failed to install the log subscriber: the process already has one")]
    AlreadyInstalled(#[source] TryInitError),
}

/// The installed telemetry; end it with [`Telemetry::shutdown`].
#[derive(Debug)]
#[must_use = "spans that are not yet exported are lost without a shutdown"]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

/// Installs the subscriber of this process: log lines on stderr, and in a file and spans to OTLP if
/// asked for.
///
/// Call it inside a Tokio runtime, once a process.
pub fn init(options: &Options) -> Result<Telemetry, Error> {
    let mut logs = vec![
        log_layer(options.log_format, io::stderr().is_terminal(), io::stderr)
            .with_filter(filter(&options.log_filter)?)
            .boxed(),
    ];
    if let Some(file) = &options.log_file {
        logs.push(file_layer(file, options.log_format)?);
    }
    let provider = tracer_provider(options)?;
    tracing_subscriber::registry()
        .with(logs)
        .with(span_layer(&provider))
        .try_init()
        .map_err(Error::AlreadyInstalled)?;
    Ok(Telemetry { provider })
}

impl Telemetry {
    /// Exports what is still queued and stops. Takes at most a few seconds when the collector is
    /// away. Spans begun later belong to no trace.
    pub async fn shutdown(self) {
        // The exporter blocks its caller while it needs the runtime to make progress.
        let stopped = tokio::task::spawn_blocking(move || {
            self.provider.shutdown_with_timeout(2 * EXPORT_TIMEOUT)
        });
        if let Ok(Err(error)) = stopped.await {
            tracing::warn!(%error, "failed to export the last spans");
        }
    }
}

fn tracer_provider(options: &Options) -> Result<SdkTracerProvider, Error> {
    let sampler = Sampler::TraceIdRatioBased(options.sampling);
    let resource = Resource::builder()
        .with_service_name(options.service.clone())
        .build();
    let builder = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(sampler)))
        .with_resource(resource);
    match &options.otlp_endpoint {
        Some(endpoint) => Ok(export_to(builder, endpoint)?.build()),
        None => Ok(builder.build()),
    }
}

fn export_to(
    builder: TracerProviderBuilder,
    endpoint: &str,
) -> Result<TracerProviderBuilder, Error> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(Error::Exporter)?;
    Ok(builder.with_batch_exporter(exporter))
}

fn filter(directives: &str) -> Result<EnvFilter, Error> {
    EnvFilter::try_new(format!("{QUIET},{directives}")).map_err(Error::LogFilter)
}

fn file_layer<S>(log: &LogFile, format: LogFormat) -> Result<Box<dyn Layer<S> + Send + Sync>, Error>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log.path)
        .map_err(|source| Error::LogFile {
            path: log.path.clone(),
            source,
        })?;
    let layer = log_layer(format, false, Arc::new(file));
    Ok(layer.with_filter(filter(&log.filter)?).boxed())
}

pub(crate) fn log_layer<S, W>(
    format: LogFormat,
    with_colours: bool,
    writer: W,
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // It would tell of a lost stderr on stderr, and panic: the terminal may be closed.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => layer.with_ansi(with_colours).boxed(),
        LogFormat::Json => layer.json().event_format(JsonWithTraceId::new()).boxed(),
    }
}

/// Turns tracing spans into OpenTelemetry spans, whatever is logged: without them no trace id
/// would reach the next program.
pub(crate) fn span_layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("workapi"))
        .with_location(false)
        .with_threads(false)
        .with_filter(LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::Tracer;
    use std::net::TcpListener;
    use std::time::Instant;

    fn options(otlp_endpoint: Option<String>) -> Options {
        Options {
            service: "test".to_owned(),
            log_filter: "info".to_owned(),
            log_format: LogFormat::Text,
            log_file: None,
            otlp_endpoint,
            sampling: 1.0,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_that_is_away_holds_up_the_end_only_briefly() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let provider = tracer_provider(&options(Some(endpoint))).unwrap();
        drop(provider.tracer("test").start("exchange"));
        let start = Instant::now();

        Telemetry { provider }.shutdown().await;

        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_malformed_endpoint_is_refused() {
        let error = tracer_provider(&options(Some("not a url".to_owned()))).unwrap_err();

        assert!(matches!(error, Error::Exporter(_)));
    }

    #[tokio::test]
    async fn an_endpoint_with_tls_is_accepted() {
        let endpoint = "https://collector.example.test:4317".to_owned();

        assert!(tracer_provider(&options(Some(endpoint))).is_ok());
    }

    #[test]
    fn a_malformed_log_filter_is_refused() {
        let mut options = options(None);
        options.log_filter = "info,workapi_auth=loud".to_owned();

        let error = init(&options).unwrap_err();

        assert!(matches!(error, Error::LogFilter(_)));
    }
}
