//! Spent refresh tokens that were presented again, and whether the vault meant to.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;
use workapi_sandbox::{Presentation, RotationClass};

use super::{Attempt, Evidence, Grant, Lineage};

/// How much longer than the deadline a lease lasts (refresh protocol, section 4).
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// The lease is written a moment before the attempt.
const TOLERANCE: Duration = Duration::from_secs(1);

/// The attempts that may have reached the provider, by what they were for, in order.
pub(super) type ByGeneration<'a> = BTreeMap<(Uuid, i64), Vec<&'a Attempt>>;

/// The double spends of a grant.
pub(super) struct Spends {
    pub(super) double: u64,
    pub(super) recorded: u64,
}

/// Sorts the attempts.
pub(super) fn by_generation(attempts: &[Attempt]) -> ByGeneration<'_> {
    let mut sorted = ByGeneration::new();
    for attempt in attempts
        .iter()
        .filter(|attempt| attempt.state != "not_sent")
    {
        let key = (attempt.grant, attempt.generation);
        sorted.entry(key).or_default().push(attempt);
    }
    for attempts in sorted.values_mut() {
        attempts.sort_by_key(|attempt| attempt.sent_at);
    }
    sorted
}

/// Counts the double spends of a grant, and how many of them are retries that the vault recorded.
pub(super) fn count(
    grant: &Grant,
    presentations: &[&Presentation],
    lineage: &Lineage,
    attempts: &ByGeneration<'_>,
    evidence: &Evidence,
) -> Spends {
    let mut doubles: BTreeMap<u64, u64> = BTreeMap::new();
    for again in presentations.iter().filter(|again| again.was_spent) {
        *doubles.entry(again.serial).or_default() += 1;
    }
    let mut spends = Spends {
        double: 0,
        recorded: 0,
    };
    for (serial, double) in doubles {
        let generation = lineage.generation(serial);
        let attempts = generation.and_then(|generation| attempts.get(&(grant.id, generation)));
        let retries = attempts.map_or(0, |attempts| retries(grant, attempts, evidence));
        spends.double += double;
        spends.recorded += double.min(retries);
    }
    spends
}

/// Counts the attempts after the first. Class D may not try again while the lease of an attempt
/// lasts that may have taken effect.
fn retries(grant: &Grant, attempts: &[&Attempt], evidence: &Evidence) -> u64 {
    let lease = (evidence.deadline + LEASE_MARGIN).saturating_sub(TOLERANCE);
    let is_ended = |sent_at| evidence.leases_ended.is_some_and(|ended| sent_at >= ended);
    let is_meant = |pair: &&[&Attempt]| match pair {
        [before, after] if grant.class == RotationClass::D => {
            before.state == "rejected"
                || after.sent_at >= before.sent_at + lease
                || is_ended(after.sent_at)
        }
        _ => true,
    };
    let meant = attempts.windows(2).filter(is_meant).count();
    u64::try_from(meant).unwrap_or(u64::MAX)
}
