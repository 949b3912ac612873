//! The throughput bench: how many rotations are committed in a second, and what each costs.

mod options;
mod report;
mod run;
mod sample;
pub(crate) mod seed;
mod store;
mod stub;

pub use options::{NatsSync, Options};
pub use report::Report;
pub use run::run;
