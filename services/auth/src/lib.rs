//! The auth service: connects integrations at providers, and says when a credential is due.
//!
//! It builds authorization URIs, finishes callbacks and mobile codes, and writes new grants to
//! the vault. Its scheduler publishes what is due as jobs; `token-refresher` does them. It never
//! sends a refresh token to anybody.

mod app;
mod config;
mod grpc;
mod service;

pub use config::{Config, Intervals};
pub use service::{Error, Service};
