//! Table `credential`: connecting, claiming, rotating and revoking, a module for each.

mod claim;
mod description;
mod generation;
mod grant;
mod revoking;

pub(crate) use claim::{
    ClaimKey, ClaimRow, LeasableRow, claim_due, give_up, lease, lock_claimed, release,
};
pub(crate) use description::DescriptionRow;
pub(crate) use generation::{
    StateChange, commit_generation, record_failure, replace_revoking_pair,
};
pub(crate) use grant::{PairRow, lock_pair, upsert_grant};
pub(crate) use revoking::{
    RevocableRow, Revoked, begin_revoking, finish_account, finish_one, has_live_sibling,
    is_revoking, lease_revocation, retry_revocation,
};
