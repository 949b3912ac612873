use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const HOUR: Duration = Duration::from_hours(1);
/// A provider like Box: a refresh token that nobody uses for 60 days is forgotten.
const BOX: FreshnessPolicy = FreshnessPolicy {
    keep_fresh: Some(Duration::from_hours(7 * 24)),
    idle: Some(Duration::from_hours(60 * 24)),
};

fn standing(unused: Duration, since_success: Duration) -> Standing {
    Standing {
        grant_id: GrantId::from_uuid(Uuid::from_u128(7)),
        generation: 1,
        unused,
        since_success,
        refresh_life: None,
    }
}

/// Lives through `days` with one-hour tokens, hour by hour, and returns when it was refreshed.
/// `used` says in which hours somebody used the credential.
fn live(
    policy: FreshnessPolicy,
    grant: u128,
    days: u32,
    used: impl Fn(u32) -> bool,
) -> Vec<Duration> {
    let grant_id = GrantId::from_uuid(Uuid::from_u128(grant));
    let mut refreshes = vec![Duration::ZERO];
    let mut last_used = Duration::ZERO;
    let mut due = Some(HOUR);
    for hour in 1..=days * 24 {
        let now = HOUR * hour;
        let last_success = refreshes[refreshes.len() - 1];
        if used(hour) {
            last_used = now;
            due = Some(now);
        }
        if due.is_none_or(|due| due > now) {
            continue;
        }
        let standing = Standing {
            grant_id,
            generation: i64::try_from(refreshes.len()).unwrap(),
            unused: now.saturating_sub(last_used),
            since_success: now.saturating_sub(last_success),
            refresh_life: None,
        };
        due = match need(policy, &standing) {
            Need::Refresh => {
                refreshes.push(now);
                Some(now + HOUR)
            }
            Need::LookAgainIn(time) => Some(now + time),
            Need::Nothing => None,
        };
    }
    refreshes
}

fn longest_gap(refreshes: &[Duration], end: Duration) -> Duration {
    let next = refreshes[1..].iter().copied().chain([end]);
    refreshes
        .iter()
        .zip(next)
        .map(|(before, after)| after.saturating_sub(*before))
        .max()
        .unwrap()
}

#[test]
fn what_is_in_use_is_refreshed() {
    let used = standing(Duration::from_hours(7 * 24 - 1), HOUR);

    assert_eq!(need(BOX, &used), Need::Refresh);
}

#[test]
fn with_no_end_of_keeping_fresh_everything_is_in_use() {
    let policy = FreshnessPolicy {
        keep_fresh: None,
        ..BOX
    };

    assert_eq!(need(policy, &standing(DAY * 1000, HOUR)), Need::Refresh);
}

#[test]
fn what_does_not_die_of_disuse_waits_for_somebody_to_use_it() {
    let policy = FreshnessPolicy { idle: None, ..BOX };

    assert_eq!(need(policy, &standing(DAY * 8, HOUR)), Need::Nothing);
}

#[test]
fn the_life_of_the_refresh_token_limits_disuse_where_it_is_shorter() {
    let unused = Standing {
        refresh_life: Some(DAY * 20),
        ..standing(DAY * 8, HOUR)
    };

    let Need::LookAgainIn(time) = need(BOX, &unused) else {
        panic!("it is not in use, and not about to be forgotten");
    };
    assert!((DAY * 16..DAY * 18).contains(&time), "{time:?}");
}

#[test]
fn a_keep_alive_that_is_late_is_made_at_once() {
    assert_eq!(need(BOX, &standing(DAY * 80, DAY * 59)), Need::Refresh);
    assert_eq!(need(BOX, &standing(DAY * 80, DAY * 80)), Need::Refresh);
}

#[test]
fn fm_17_an_unused_box_account_lives_on_day_200_for_at_most_four_refreshes() {
    for grant in 0..100 {
        let refreshes = live(BOX, grant, 200, |_| false);

        let idle: Vec<_> = refreshes.iter().filter(|at| **at > DAY * 7).collect();
        assert!(idle.len() <= 4, "{idle:?}");
        let gap = longest_gap(&refreshes, DAY * 200);
        assert!(gap < DAY * 60, "{gap:?} without a refresh");
    }
}

#[test]
fn fm_17_a_credential_that_is_used_again_is_refreshed_ahead_again() {
    let refreshes = live(BOX, 1, 40, |hour| hour == 30 * 24);

    let after_use = refreshes.iter().filter(|at| **at >= DAY * 30);
    assert_eq!(after_use.count(), 7 * 24);
    let while_unused = refreshes
        .iter()
        .filter(|at| (DAY * 8..DAY * 30).contains(*at));
    assert_eq!(while_unused.count(), 0);
}

proptest! {
    #[test]
    fn fm_17_no_grant_is_forgotten_for_want_of_use(
        grant: u128,
        idle_days in 1u32..400,
        keep_fresh_days in 1u32..30,
        uses in proptest::collection::vec(1u32..24 * 500, 0..4),
    ) {
        let policy = FreshnessPolicy {
            keep_fresh: Some(DAY * keep_fresh_days),
            idle: Some(DAY * idle_days),
        };

        let refreshes = live(policy, grant, 500, |hour| uses.contains(&hour));

        let gap = longest_gap(&refreshes, DAY * 500);
        prop_assert!(gap < DAY * idle_days, "{gap:?} without a refresh");
    }

    #[test]
    fn a_keep_alive_comes_a_day_before_the_limit_but_no_earlier_than_it_must(
        grant: u128,
        generation in 1i64..1_000_000,
        limit_days in 4u32..4000,
    ) {
        let limit = DAY * limit_days;

        let after = keep_alive_after(limit, GrantId::from_uuid(Uuid::from_u128(grant)), generation);

        prop_assert!(after + DAY <= limit);
        prop_assert!(after >= limit.mul_f64(0.75));
    }
}

#[test]
fn fm_18_a_bare_rejection_is_explained_by_the_calendar() {
    let idle = Some(DAY * 60);

    let explain = |cause, ended, since| explain_rejection(cause, ended, since, idle);

    assert_eq!(explain(Cause::Unknown, true, DAY), Cause::AbsoluteExpired);
    assert_eq!(explain(Cause::Unknown, false, DAY * 60), Cause::IdleExpired);
    assert_eq!(explain(Cause::Unknown, false, DAY * 59), Cause::Unknown);
    assert_eq!(
        explain(Cause::RevokedByUser, true, DAY * 90),
        Cause::RevokedByUser
    );
}
