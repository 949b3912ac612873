//! Jobs that nobody could finish and credentials that are stuck: listed, explained, repaired.

mod advice;
mod explain;
mod letters;
mod repair;

pub(crate) use letters::Letter;

use workapi_types::IntegrationId;

/// What an operator asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobTarget {
    /// The credential of an integration, with all its dead letters.
    Integration(IntegrationId),
    /// One dead letter, and the credential that it is about.
    DeadLetter(u64),
}
