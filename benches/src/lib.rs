//! The load and fault benches: real processes, real servers, and a provider that keeps the books.
//!
//! `bench-faults` kills, stops and starves everything and then accounts for every rotation that the
//! provider recorded; `bench-refresh` measures how fast credentials are rotated, found when they are
//! due, and served on demand, and what that costs.
//! Both run beside `work-api with-servers` (`make bench-faults`, `make bench-refresh`). What they
//! measure is written down in docs/benchmarks.md, never asserted; only counts are.

pub mod accounting;
mod answer_to_sink;
mod consent;
pub mod console;
mod cpu;
pub mod due_selection;
pub mod faults;
mod installation;
mod manifests;
pub mod on_demand;
mod program;
mod quantiles;
mod servers;
pub mod throughput;

pub use servers::Urls;
