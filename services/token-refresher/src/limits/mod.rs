//! The limits of providers (refresh protocol, section 9): how many calls for one (provider,
//! client id) may run at one time and begin in a second, and when none may.
//!
//! Redis counts for all replicas, by its own clock and in one round trip. While it is away, each
//! replica keeps to its part.

mod client;
mod limit;
mod outcome;
mod pace;
mod permit;
mod shared;

pub(crate) use limit::Limits;
pub(crate) use outcome::Outcome;
pub(crate) use permit::{Admission, Permit};
pub(crate) use shared::Shared;

#[cfg(test)]
mod tests;
