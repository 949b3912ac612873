//! Table `credential`: connecting, claiming, rotating and revoking, a module for each.

mod claim;
mod due;
mod expiry;
mod generation;
mod grant;
mod revoking;

pub(crate) use claim::{ClaimKey, ClaimRow, LeasableRow, give_up, lease, lock_claimed, release};
pub(crate) use due::{DueRefresh, Postponed, claim_refreshes, claim_revocations, postpone};
pub(crate) use expiry::{ExpiringRow, take_expiry_notices};
pub(crate) use generation::{
    GenerationRow, StateChange, commit_generation, record_failure, replace_revoking_pair,
};
pub(crate) use grant::{GrantRow, PairRow, lock_pair, upsert_grant};
pub(crate) use revoking::{
    RevocableRow, Revoked, begin_revoking, finish_account, finish_one, has_live_sibling,
    is_revoking, lease_revocation, retry_revocation,
};
