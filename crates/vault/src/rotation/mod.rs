//! Rotating a token pair: lease, attempt, answer, commit on (grant, generation) (refresh protocol,
//! section 4).

mod commit;
mod failure;
mod lease;
mod second_chance;

pub use commit::Settled;
pub use failure::Failure;
pub(crate) use lease::{LEASE_MARGIN, MAX_UNFINISHED_JOBS};
pub use lease::{RotationLease, RotationStart};
pub use second_chance::SecondChance;
