//! The fault bench: everything fails, and every rotation is accounted for.

mod callers;
mod fleet;
mod history;
mod killer;
mod measured;
mod operator;
mod options;
mod outage;
mod report;
mod run;
mod server_faults;
mod settle;
mod store;
mod weather;

pub use options::Options;
pub use report::Report;
pub use run::run;
