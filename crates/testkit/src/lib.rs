//! What a test needs to have the real servers to itself: a database of its own from a
//! template, a prefix of its own for streams, subjects and keys, and a way to a server that
//! it can cut.
//!
//! The servers are started once per run by `work-api with-servers` (`make test` does so)
//! and found through `WORK_API_TEST_*_URL`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test support fails by panicking"
)]

mod backup;
mod database;
pub mod http;
mod proxy;
mod wait;

pub use backup::Backup;
pub use database::database;
pub use proxy::Proxy;
pub use wait::eventually;

use secrecy::SecretString;
use uuid::Uuid;

/// Returns the URL of the test run's PostgreSQL server.
pub fn postgres_url() -> SecretString {
    SecretString::from(server_url("WORK_API_TEST_POSTGRES_URL"))
}

/// Returns the URL of the test run's NATS server.
pub fn nats_url() -> SecretString {
    SecretString::from(server_url("WORK_API_TEST_NATS_URL"))
}

/// Returns the URL of the test run's Valkey server.
pub fn redis_url() -> SecretString {
    SecretString::from(server_url("WORK_API_TEST_REDIS_URL"))
}

/// Returns a prefix that no other test uses, for streams, subjects, durables and keys.
pub fn unique_prefix() -> String {
    format!("t{}_", Uuid::new_v4().simple())
}

fn server_url(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set: run the tests with `make test`, or with \
             `work-api with-servers -- cargo nextest run`"
        )
    })
}
