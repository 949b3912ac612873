//! The integrations service: owner of the records, which are environments, their users, and the
//! users' integrations.
//!
//! It decides who may come in: it verifies the APTs that developers sign, issues user tokens and
//! publishes the keys that verify them. What changes, it tells on the bus. It never sees a
//! provider's token, and talks to no provider.
//!
//! A request passes `grpc` (edges), `app` (one file a use case) and `store` (all SQL).

mod app;
mod config;
mod grpc;
mod model;
mod return_origin;
mod service;
mod store;
mod tokens;

pub use config::Config;
pub use service::{Error, Service};
pub use tokens::UserTokenSettings;

/// The schema of the database `integrations`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
