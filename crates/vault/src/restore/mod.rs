//! Noticing that PostgreSQL was restored from a backup, and bringing it up to date before a
//! refresh token of the past is sent (refresh protocol, section 11; ADR 0015).

mod folding;
mod quarantine;
mod watch;

pub use folding::{Folding, Part};
pub use quarantine::{Quarantine, Release, Repair};
pub use watch::{RestoreWatch, Standing};
