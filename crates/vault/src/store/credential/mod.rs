//! Table `credential`: connecting, claiming, rotating and revoking, and what people see of it; a
//! module for each.

mod claim;
mod generation;
mod grant;
mod inspection;
mod listing;
mod revoking;
mod status;
mod stuck;

pub(crate) use claim::{
    ClaimKey, ClaimRow, LeasableRow, claim_due, give_up, lease, lock_claimed, release,
};
pub(crate) use generation::{
    GenerationRow, StateChange, commit_generation, record_failure, replace_revoking_pair,
};
pub(crate) use grant::{GrantRow, PairRow, lock_pair, upsert_grant};
pub(crate) use inspection::{JobStateRow, inspect, job_states};
pub(crate) use listing::{ListedRow, list};
pub(crate) use revoking::{
    RevocableRow, Revoked, begin_revoking, finish_account, finish_one, has_live_sibling,
    is_revoking, lease_revocation, park_revocation, retry_revocation,
};
pub(crate) use status::{StatusRow, status};
pub(crate) use stuck::{StuckRow, lock_for_retry, make_due, stuck};
