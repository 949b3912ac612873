//! What the operations promise.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use workapi_redis::{Error, Redis};
use workapi_testkit::{redis_url, unique_prefix};

use crate::connect;

const TTL: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_value_is_taken_once() {
    let redis = connect().await;

    let stored = redis
        .set_once("state", b"\x00sealed\xff", TTL)
        .await
        .unwrap();
    let taken = redis.take("state").await.unwrap();
    let taken_again = redis.take("state").await.unwrap();

    assert!(stored);
    assert_eq!(taken.as_deref(), Some(&b"\x00sealed\xff"[..]));
    assert_eq!(taken_again, None);
}

#[tokio::test]
async fn a_key_that_exists_keeps_its_value() {
    let redis = connect().await;
    redis.set_once("state", b"first", TTL).await.unwrap();

    let stored = redis.set_once("state", b"second", TTL).await.unwrap();

    assert!(!stored);
    let kept = redis.take("state").await.unwrap();
    assert_eq!(kept.as_deref(), Some(&b"first"[..]));
}

#[tokio::test]
async fn of_many_takers_one_gets_the_value() {
    let redis = connect().await;
    redis.set_once("state", b"sealed", TTL).await.unwrap();

    let mut takers = JoinSet::new();
    for _ in 0..50 {
        let redis = redis.clone();
        takers.spawn(async move { redis.take("state").await.unwrap() });
    }
    let taken = takers.join_all().await;

    assert_eq!(taken.into_iter().flatten().count(), 1);
}

#[tokio::test]
async fn a_value_expires() {
    let redis = connect().await;
    let short = Duration::from_millis(20);
    redis.set_once("state", b"first", short).await.unwrap();

    while !redis.set_once("state", b"second", TTL).await.unwrap() {
        tokio::task::yield_now().await;
    }

    let value = redis.take("state").await.unwrap();
    assert_eq!(value.as_deref(), Some(&b"second"[..]));
}

#[tokio::test]
async fn prefixes_keep_keys_apart() {
    let (ours, theirs) = (connect().await, connect().await);
    ours.set_once("state", b"ours", TTL).await.unwrap();

    let taken = theirs.take("state").await.unwrap();

    assert_eq!(taken, None);
}

#[tokio::test]
async fn a_key_of_another_type_is_refused_without_naming_it() {
    let prefix = unique_prefix();
    let connection = Redis::connect(&redis_url(), prefix.clone()).await.unwrap();
    let client = redis::Client::open(redis_url().expose_secret()).unwrap();
    let mut raw = client.get_multiplexed_async_connection().await.unwrap();
    let mut push = redis::cmd("LPUSH");
    push.arg(format!("{prefix}state")).arg("value");
    push.exec_async(&mut raw).await.unwrap();

    let error = connection.take("state").await.unwrap_err();

    assert!(matches!(error, Error::Refused { .. }));
    assert!(!format!("{error:?}").contains(&prefix));
}
