//! The service kit: what every program needs around its own work, from start to exit code.
//!
//! A program makes one [`Shutdown`], registers what it depends on in a [`Health`], serves REST
//! with [`serve_http`], gRPC with [`Grpc`], and its metrics, `/livez` and `/readyz` with
//! [`serve_metrics`], each on a listener that it has bound before. REST and gRPC end by themselves
//! when the shutdown drains, the metrics when it stops. Nothing is global: many programs can live in
//! one process.

mod bind;
mod credentials;
mod deadline;
mod exit;
mod grpc;
mod health;
mod listener;
mod measure;
mod metrics;
mod shutdown;
mod tasks;

pub use bind::{ListenError, Listener};
pub use credentials::{INTERNAL_TOKEN, SharedSecret, bearer};
pub use deadline::Deadline;
pub use exit::Exit;
pub use grpc::{Channel, ChannelError, Grpc, ReflectionError, channel};
pub use health::{Health, Report, ServiceHealth};
pub use listener::serve_http;
pub use metrics::serve_metrics;
pub use shutdown::Shutdown;
pub use tasks::Unfinished;
