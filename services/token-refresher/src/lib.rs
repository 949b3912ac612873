//! The token-refresher: the only program that sends a refresh token to a provider.
//!
//! It consumes refresh and revocation jobs from JetStream. A job is a hint; what holds is the
//! vault's row, its lease and its generation (refresh protocol, sections 3 to 5). A provider is
//! called in a detached task that nobody's cancellation, timeout or shutdown can drop.

mod app;
mod config;
mod limits;
mod service;

pub use config::Config;
pub use service::{Error, Service};
