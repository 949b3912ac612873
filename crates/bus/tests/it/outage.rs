//! NATS goes away and comes back.

use tokio_util::sync::CancellationToken;
use workapi_bus::{Bus, Config, Relay, Stream, Verdict};
use workapi_testkit::{Proxy, eventually, nats_url, unique_prefix};

use crate::fixture::{REFRESH, Running, claims, connect, job, stored, until_stored};
use crate::outbox::{commit, database, left, published};

/// Connects one bus directly and another one, with the same prefix, over a way that can be cut.
async fn two_ways() -> (Bus, Bus, Proxy) {
    let prefix = unique_prefix();
    let direct = connect(prefix.clone()).await.unwrap();
    let proxy = Proxy::open(&nats_url()).await;
    let config = Config {
        url: proxy.lead(&nats_url()),
        prefix,
        name: "bus-test",
    };
    let cut = Bus::connect(&config).await.unwrap();
    (direct, cut, proxy)
}

async fn until_connected(bus: &Bus, connected: bool) {
    eventually("the bus notices", async || {
        (bus.is_connected() == connected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_job_that_nobody_confirms_is_an_error() {
    let (_, bus, proxy) = two_ways().await;
    proxy.cut().await;
    until_connected(&bus, false).await;

    let published = bus
        .publish_job("job.refresh.sandbox", "id", &job(1), None)
        .await;

    assert!(published.is_err());
    assert_eq!(bus.check().await, Err("NATS is not connected".to_owned()));
}

#[tokio::test]
async fn a_consumer_goes_on_where_it_was() {
    let (direct, bus, proxy) = two_ways().await;
    let consumer = Running::open(&bus, REFRESH, Verdict::Done);
    direct
        .publish_job("job.refresh.sandbox", "before", &job(1), None)
        .await
        .unwrap();
    until_stored(&direct, Stream::Jobs, 0).await;
    proxy.cut().await;
    until_connected(&bus, false).await;
    direct
        .publish_job("job.refresh.sandbox", "during", &job(2), None)
        .await
        .unwrap();
    assert_eq!(stored(&direct, Stream::Jobs).await, 1);

    proxy.reopen().await;

    until_stored(&direct, Stream::Jobs, 0).await;
    assert_eq!(claims(&consumer.stop().await), [1, 2]);
}

#[tokio::test]
async fn events_wait_in_the_outbox() {
    let database = database().await;
    let (direct, bus, proxy) = two_ways().await;
    proxy.cut().await;
    until_connected(&bus, false).await;
    commit(&database, 3).await;
    let shutdown = CancellationToken::new();
    let relay = Relay::new(database.clone(), bus);
    let running = tokio::spawn(relay.run(shutdown.clone()));

    proxy.reopen().await;

    until_stored(&direct, Stream::Events, 3).await;
    shutdown.cancel();
    running.await.unwrap();
    assert_eq!(published(&direct).await, [0, 1, 2]);
    assert_eq!(left(&database).await, 0);
}

#[tokio::test]
async fn a_relay_that_stops_while_nats_is_away_leaves_its_events_to_the_next() {
    let database = database().await;
    let (direct, bus, proxy) = two_ways().await;
    proxy.cut().await;
    until_connected(&bus, false).await;
    commit(&database, 3).await;
    let shutdown = CancellationToken::new();
    shutdown.cancel();

    Relay::new(database.clone(), bus).run(shutdown).await;

    assert_eq!(stored(&direct, Stream::Events).await, 0);
    assert_eq!(left(&database).await, 3);
}
