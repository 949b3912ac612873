//! The second and third place for a provider's answer, and how all three are written and read
//! (refresh protocol, section 6).

mod entry;
mod fold;
mod freshness;
mod keep;
mod sinks;
mod spill;

pub(crate) use entry::Entry;
pub(crate) use fold::Folded;
pub use freshness::Seen;
pub use keep::{Kept, Outcome, Urgency};
pub use sinks::Sinks;
pub use spill::{Spill, SpillError};
