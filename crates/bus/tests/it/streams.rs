//! The streams: as the protocol wants them, under one prefix each, and otherwise the operator's.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use workapi_bus::{Bus, Error, Stream};
use workapi_testkit::unique_prefix;

use crate::fixture::{bus, connect, job, stored};

async fn config(bus: &Bus, stream: Stream) -> Config {
    let name = bus.prefixed(stream.name());
    let stream = bus.jetstream().get_stream(name).await.unwrap();
    stream.cached_info().config.clone()
}

#[tokio::test]
async fn each_stream_is_kept_as_the_protocol_wants() {
    let bus = bus().await;

    let events = config(&bus, Stream::Events).await;
    assert_eq!(events.subjects, [bus.prefixed("evt.>")]);
    assert_eq!(events.retention, RetentionPolicy::Limits);
    assert_eq!(events.max_age, Duration::from_hours(35 * 24));
    let jobs = config(&bus, Stream::Jobs).await;
    assert_eq!(jobs.subjects, [bus.prefixed("job.>")]);
    assert_eq!(jobs.retention, RetentionPolicy::WorkQueue);
    assert_eq!(jobs.max_age, Duration::from_mins(10));
    let journal = config(&bus, Stream::VaultJournal).await;
    assert_eq!(journal.subjects, [bus.prefixed("journal.>")]);
    assert_eq!(journal.max_messages_per_subject, 1);
    assert_eq!(journal.max_age, Duration::ZERO);
    let dead_letters = config(&bus, Stream::DeadLetters).await;
    assert_eq!(dead_letters.subjects, [bus.prefixed("dlq.>")]);
    assert_eq!(jobs.storage, StorageType::Memory);
    for config in [events, journal, dead_letters] {
        assert_eq!(config.storage, StorageType::File);
    }
}

#[tokio::test]
async fn two_prefixes_on_one_server_share_nothing() {
    let (one, other) = (bus().await, bus().await);

    one.publish_job("job.refresh.sandbox", "id", &job(1), None)
        .await
        .unwrap();

    assert_eq!(stored(&one, Stream::Jobs).await, 1);
    assert_eq!(stored(&other, Stream::Jobs).await, 0);
}

#[tokio::test]
async fn a_stream_of_another_kind_is_refused_and_left_alone() {
    for (stream, retention) in [
        (Stream::Jobs, RetentionPolicy::Limits),
        (Stream::Events, RetentionPolicy::WorkQueue),
    ] {
        let prefix = unique_prefix();
        let elsewhere = bus().await;
        let jetstream = elsewhere.jetstream();
        let name = format!("{prefix}{}", stream.name());
        jetstream
            .create_stream(Config {
                name: name.clone(),
                subjects: vec![format!("{prefix}something.>")],
                retention,
                ..Config::default()
            })
            .await
            .unwrap();

        let refused = connect(prefix).await.unwrap_err();

        let is_refusal = matches!(
            &refused,
            Error::Incompatible { name: refused, setting: "retention policy" } if *refused == name
        );
        assert!(is_refusal, "{refused}");
        let untouched = jetstream.get_stream(name).await.unwrap();
        assert_eq!(untouched.cached_info().config.retention, retention);
    }
}

#[tokio::test]
async fn what_an_operator_set_survives_the_next_start_and_what_we_need_comes_back() {
    let prefix = unique_prefix();
    let bus = connect(prefix.clone()).await.unwrap();
    let theirs = Config {
        description: Some("ours".to_owned()),
        max_bytes: 1_000_000,
        discard: DiscardPolicy::New,
        max_age: Duration::from_mins(5),
        ..config(&bus, Stream::Jobs).await
    };
    bus.jetstream().update_stream(theirs).await.unwrap();

    let bus = connect(prefix).await.unwrap();

    let config = config(&bus, Stream::Jobs).await;
    assert_eq!(config.description.as_deref(), Some("ours"));
    assert_eq!(config.max_bytes, 1_000_000);
    assert_eq!(config.discard, DiscardPolicy::New);
    assert_eq!(config.max_age, Duration::from_mins(10));
}
