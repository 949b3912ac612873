//! Logs, traces and metrics of every program.
//!
//! [`init`] installs the one subscriber of a process: log lines on stderr (and in a file), and spans that are
//! exported over OTLP when an endpoint is set. Trace ids exist without an endpoint too, so that
//! one trace can be followed through the logs of several programs. [`propagation`] carries a trace
//! from one program to the next as W3C Trace Context. [`Metrics`] is an ordinary value: as many as
//! one likes can live in a process.
//!
//! Requests are measured where they are served, in `workapi-runtime`. Nothing here ever sees a
//! request to a provider: those carry no trace context.

mod format;
mod metrics;
mod outgoing;
pub mod propagation;
mod subscriber;
pub mod testing;

pub use metrics::Metrics;
pub use opentelemetry::{
    Context, KeyValue,
    metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter},
};
pub use outgoing::Traced;
pub use subscriber::{Error, LogFile, LogFormat, Options, Telemetry, init};
