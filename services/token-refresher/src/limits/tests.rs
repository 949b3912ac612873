//! Several replicas on one Redis, and without it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use workapi_providers::{Catalogue, Manifest};
use workapi_redis::{Redis, Script};
use workapi_testkit::{Proxy, eventually, redis_url, unique_prefix};

use super::pace::Reason;
use super::{Admission, Limits, Outcome, Permit, Shared};

const CLIENT: &str = "1234-web";
/// Enough on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns a manifest with four places, and what else is said about refreshing.
fn manifest(more: &str) -> Arc<Manifest> {
    let directory = tempfile::tempdir().unwrap();
    let text = format!("[token]\ndeadline_seconds = 1\n[refresh]\nmax_concurrency = 4\n{more}");
    std::fs::write(directory.path().join("gmail.toml"), text).unwrap();
    let catalogue = Catalogue::load(None, Some(directory.path())).unwrap();
    catalogue.get(&"gmail".parse().unwrap()).unwrap().clone()
}

/// Returns the limits of two replicas that share a Redis, over `way` where there is one.
async fn two_replicas(way: Option<&Proxy>) -> [Arc<Limits>; 2] {
    let url = way.map_or_else(redis_url, |way| way.lead(&redis_url()));
    let prefix = unique_prefix();
    let redis = Redis::connect(&url, prefix.clone()).await.unwrap();
    let other = Redis::connect(&url, prefix).await.unwrap();
    let replicas = NonZeroU32::new(2).unwrap();
    [redis, other].map(|redis| Limits::new(Some(Shared::new(redis, PATIENCE)), replicas))
}

/// Asks for places until there is none, and returns those and why there are no more.
async fn fill(limits: &Arc<Limits>, manifest: &Manifest) -> (Vec<Permit>, Reason) {
    let mut permits = Vec::new();
    loop {
        match limits.admit(manifest, CLIENT).await {
            Admission::Go(permit) => permits.push(permit),
            Admission::Later { reason, .. } => return (permits, reason),
        }
    }
}

#[tokio::test]
async fn replicas_share_the_places_of_a_client() {
    let [one, other] = two_replicas(None).await;
    let manifest = manifest("");

    let (mut permits, reason) = fill(&one, &manifest).await;
    let (none, _) = fill(&other, &manifest).await;
    permits.pop().unwrap().finish(Outcome::Answered).await;
    let (freed, _) = fill(&other, &manifest).await;

    assert_eq!((permits.len() + 1, reason), (4, Reason::Full));
    assert_eq!((none.len(), freed.len()), (0, 1));
}

#[tokio::test]
async fn clients_do_not_share_their_places() {
    let [one, _] = two_replicas(None).await;
    let manifest = manifest("");
    let (_held, _) = fill(&one, &manifest).await;

    let admission = one.admit(&manifest, "1234-ios").await;

    assert!(matches!(admission, Admission::Go(_)));
}

#[tokio::test]
async fn the_places_of_a_process_that_died_come_back() {
    let [killed, other] = two_replicas(None).await;
    let manifest = manifest("");
    // As a kill would: nobody finishes them.
    let (held, _) = fill(&killed, &manifest).await;
    std::mem::forget(held);

    let (while_held, _) = fill(&other, &manifest).await;
    let permits = eventually("the places", || async {
        let (permits, _) = fill(&other, &manifest).await;
        (!permits.is_empty()).then_some(permits)
    })
    .await;

    assert!(while_held.is_empty());
    assert!(permits.len() <= 4);
}

#[tokio::test]
async fn fm_09_what_one_replica_is_told_all_leave_the_provider_alone_for() {
    let [one, other] = two_replicas(None).await;
    let manifest = manifest("");
    let Admission::Go(permit) = one.admit(&manifest, CLIENT).await else {
        panic!("nothing runs");
    };

    let retry_after = Some(Duration::from_mins(10));
    permit.finish(Outcome::Overloaded { retry_after }).await;

    for limits in [one, other] {
        let admission = limits.admit(&manifest, CLIENT).await;
        let Admission::Later { after, reason } = admission else {
            panic!("the provider wants to be left alone");
        };
        assert_eq!(reason, Reason::Blocked);
        assert!(after > Duration::from_secs(590), "{after:?}");
        assert!(after < Duration::from_secs(670), "{after:?}");
    }
}

#[tokio::test]
async fn fm_06_a_block_outlives_a_redis_that_forgets_it() {
    let prefix = unique_prefix();
    let redis = Redis::connect(&redis_url(), prefix).await.unwrap();
    let shared = Shared::new(redis.clone(), PATIENCE);
    let limits = Limits::new(Some(shared), NonZeroU32::MIN);
    let manifest = manifest("");
    let Admission::Go(permit) = limits.admit(&manifest, CLIENT).await else {
        panic!("nothing runs");
    };
    let retry_after = Some(Duration::from_mins(10));
    permit.finish(Outcome::Overloaded { retry_after }).await;

    let forget = Script::new("return {redis.call('DEL', KEYS[1], KEYS[2])}");
    let keys = ["places", "pace"].map(|kind| format!("limit:{{gmail:{CLIENT}}}:{kind}"));
    let forgotten = redis.run_script(&forget, &keys, &[]).await.unwrap();
    let (none, reason) = fill(&limits, &manifest).await;

    assert_eq!(forgotten, [1]);
    assert_eq!((none.len(), reason), (0, Reason::Blocked));
}

#[tokio::test]
async fn fm_08_after_a_block_all_replicas_begin_with_one_call() {
    let [one, other] = two_replicas(None).await;
    let manifest = manifest("");
    let Admission::Go(permit) = one.admit(&manifest, CLIENT).await else {
        panic!("nothing runs");
    };
    let retry_after = Some(Duration::from_millis(1));
    permit.finish(Outcome::Overloaded { retry_after }).await;

    let mut rounds = Vec::new();
    for _ in 0..4 {
        let permits = eventually("places", || async {
            let (permits, _) = fill(&other, &manifest).await;
            (!permits.is_empty()).then_some(permits)
        })
        .await;
        rounds.push(permits.len());
        for permit in permits {
            permit.finish(Outcome::Answered).await;
        }
    }

    assert_eq!(rounds, [1, 2, 4, 4]);
}

#[tokio::test]
async fn replicas_share_the_calls_of_a_second() {
    let [one, other] = two_replicas(None).await;
    let manifest = manifest("max_per_second = 1");

    let first = one.admit(&manifest, CLIENT).await;
    let second = other.admit(&manifest, CLIENT).await;

    assert!(matches!(first, Admission::Go(_)));
    let Admission::Later { after, reason } = second else {
        panic!("a second has not passed");
    };
    assert_eq!(reason, Reason::TooFast);
    assert!(after < Duration::from_millis(2100), "{after:?}");
}

#[tokio::test]
async fn without_redis_each_replica_keeps_to_its_part() {
    let manifest = manifest("");
    let of = |replicas| Limits::new(None, NonZeroU32::new(replicas).unwrap());

    let (half, reason) = fill(&of(2), &manifest).await;
    let (least, _) = fill(&of(100), &manifest).await;

    assert_eq!((half.len(), reason), (2, Reason::Full));
    assert_eq!(least.len(), 1);
}

#[tokio::test]
async fn while_redis_is_away_what_it_admitted_still_counts() {
    let proxy = Proxy::open(&redis_url()).await;
    let [one, other] = two_replicas(Some(&proxy)).await;
    let manifest = manifest("");
    let (held, _) = fill(&one, &manifest).await;

    proxy.cut().await;
    let (more, _) = fill(&one, &manifest).await;
    let (part, _) = fill(&other, &manifest).await;

    assert_eq!((held.len(), more.len(), part.len()), (4, 0, 2));
}

#[tokio::test]
async fn when_redis_is_back_the_limits_are_shared_again() {
    let proxy = Proxy::open(&redis_url()).await;
    let [one, other] = two_replicas(Some(&proxy)).await;
    let manifest = manifest("");
    proxy.cut().await;
    let (part, _) = fill(&one, &manifest).await;
    assert_eq!(part.len(), 2);
    drop(part);

    proxy.reopen().await;

    let all = eventually("all places", || async {
        let (permits, _) = fill(&one, &manifest).await;
        (permits.len() == 4).then_some(permits)
    })
    .await;
    let (none, _) = fill(&other, &manifest).await;
    assert!(all.len() == 4 && none.is_empty());
}

#[tokio::test]
async fn a_redis_that_is_away_from_the_start_stops_nobody() {
    let proxy = Proxy::open(&redis_url()).await;
    proxy.cut().await;
    let redis = Redis::lazy(&proxy.lead(&redis_url()), unique_prefix()).unwrap();
    let limits = Limits::new(Some(Shared::new(redis, PATIENCE)), NonZeroU32::MIN);
    let manifest = manifest("");

    let (permits, _) = fill(&limits, &manifest).await;

    assert_eq!(permits.len(), 4);
}
