//! Table `credential`: connecting, claiming, rotating and revoking, and what people see of it; a
//! module for each.

mod claim;
mod description;
mod due;
mod expiry;
mod generation;
mod grant;
mod inspection;
mod listing;
mod postpone;
mod revoking;
mod status;
mod stuck;

pub(crate) use claim::{AskedLease, ClaimKey, ClaimRow, LeasedRow, give_up, lease_all, renew};
pub(crate) use description::DescriptionRow;
pub(crate) use due::{DueRefresh, Postponed, claim_refreshes, claim_revocations, put_off};
pub(crate) use expiry::{ExpiringRow, take_expiry_notices};
pub(crate) use generation::{
    CommitRow, StateChange, commit_all, record_failure, replace_revoking_pair, revive,
};
pub(crate) use grant::{PairRow, count_of_account, lock_pair, upsert_grant};
pub(crate) use inspection::{JobStateRow, inspect, job_states};
pub(crate) use listing::{ListedRow, list};
pub(crate) use postpone::postpone;
pub(crate) use revoking::{
    RevocableRow, Revoked, begin_revoking, finish_account, finish_one, has_live_sibling,
    is_revoking, lease_revocation, park_revocation, retry_revocation,
};
pub(crate) use status::{StatusRow, status};
pub(crate) use stuck::{StuckRow, lock_for_retry, make_due, stuck};
