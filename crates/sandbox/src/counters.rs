//! What the sandbox really saw.

use serde::{Deserialize, Serialize};

/// Counts of one client, or of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Authorization codes issued, on the consent page or as mobile codes.
    pub(crate) authorizations: u64,
    /// Codes exchanged for tokens.
    pub(crate) exchanges: u64,
    /// Refresh tokens accepted.
    pub(crate) refreshes: u64,
    /// Revocation requests for a token of this server, live or already dead.
    pub(crate) revocations: u64,
    /// Spent refresh tokens that a class D client presented.
    pub(crate) reuse_detected: u64,
    /// Refresh tokens presented after a rotation had already spent them,
    /// whether accepted (classes B and C) or not. Class A spends none.
    pub(crate) double_spends: u64,
    /// Grants that died because a refresh token or a code was used again.
    pub(crate) families_revoked: u64,
    /// Answers that a `drop_after` fault kept from the client; in total only
    /// where they are no known client's.
    pub(crate) answers_dropped: u64,
}
