//! Table `credential`: connecting, claiming, rotating and revoking, a module for each.

mod claim;
mod generation;
mod grant;
mod postpone;
mod revoking;

pub(crate) use claim::{
    ClaimKey, ClaimRow, LeasableRow, claim_due, give_up, lease, lock_claimed, release,
};
pub(crate) use generation::{
    GenerationRow, StateChange, commit_generation, record_failure, replace_revoking_pair,
};
pub(crate) use grant::{GrantRow, PairRow, lock_pair, upsert_grant};
pub(crate) use postpone::postpone;
pub(crate) use revoking::{
    RevocableRow, Revoked, begin_revoking, finish_account, finish_one, has_live_sibling,
    is_revoking, lease_revocation, retry_revocation,
};
