//! The decisions of the refresh protocol, without I/O and without a clock.
//!
//! Whoever commits an answer, folds a journal entry or takes over an attempt that nobody
//! finished asks here. The model test explores the same functions.

mod keep;
mod resolve;
mod settle;

pub use resolve::{Replay, Step, Unresolved, cause_of_rejection, next_step};
pub use settle::{Answer, Settlement, Stored, settle};
