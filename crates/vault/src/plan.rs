//! What a credential that is due needs (refresh protocol, section 10): a refresh, or only to be
//! looked at again. Pure: every time is a distance from now.

use std::time::Duration;

use workapi_providers::{Cause, Refresh};
use workapi_types::GrantId;

use crate::tokens::spread;

const DAY: Duration = Duration::from_hours(24);

/// How a provider wants its credentials kept, from its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshnessPolicy {
    /// How long after its last use a credential is refreshed ahead of need; `None`: always.
    pub keep_fresh: Option<Duration>,
    /// After how long without a refresh the provider forgets a grant, where it does.
    pub idle: Option<Duration>,
}

impl From<&Refresh> for FreshnessPolicy {
    fn from(refresh: &Refresh) -> Self {
        Self {
            keep_fresh: refresh.keep_fresh,
            idle: refresh.idle,
        }
    }
}

/// What is known of a credential that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) grant_id: GrantId,
    pub(crate) generation: i64,
    /// Since it was connected or last used.
    pub(crate) unused: Duration,
    /// Since the provider last gave tokens.
    pub(crate) since_success: Duration,
    /// The life that the provider gave the refresh token then, where it said so.
    pub(crate) refresh_life: Option<Duration>,
}

/// What a credential that is due needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A refresh now.
    Refresh,
    /// Nothing until then: it is only kept alive.
    LookAgainIn(Duration),
    /// Nothing until somebody uses it: it does not die of disuse.
    Nothing,
}

/// Says what a credential that is due needs. One in use is refreshed; one that nobody uses is
/// refreshed once before the provider would forget it, and no more.
pub(crate) fn need(policy: FreshnessPolicy, standing: &Standing) -> Need {
    let in_use = policy.keep_fresh.is_none_or(|keep| standing.unused < keep);
    if in_use {
        return Need::Refresh;
    }
    let limits = [policy.idle, standing.refresh_life];
    let Some(limit) = limits.into_iter().flatten().min() else {
        return Need::Nothing;
    };
    let keep_alive = keep_alive_after(limit, standing.grant_id, standing.generation);
    match keep_alive.checked_sub(standing.since_success) {
        Some(left) if !left.is_zero() => Need::LookAgainIn(left),
        _ => Need::Refresh,
    }
}

/// Returns how long after the last success an unused credential is refreshed: after 85 to 90 % of
/// what it survives, and at least a day before that is over, where it survives four.
fn keep_alive_after(limit: Duration, grant_id: GrantId, generation: i64) -> Duration {
    let early = limit.mul_f64(0.85 + 0.05 * spread(grant_id, generation));
    early.min(limit.saturating_sub(DAY.min(limit / 4)))
}

/// Says why the provider rejected a grant without a reason, where the calendar knows it.
pub(crate) fn explain_rejection(
    cause: Cause,
    past_absolute_end: bool,
    since_success: Duration,
    idle: Option<Duration>,
) -> Cause {
    match cause {
        Cause::Unknown if past_absolute_end => Cause::AbsoluteExpired,
        Cause::Unknown if idle.is_some_and(|idle| since_success >= idle) => Cause::IdleExpired,
        told => told,
    }
}

#[cfg(test)]
mod tests;
