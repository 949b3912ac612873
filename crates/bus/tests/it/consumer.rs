//! Consuming: bounded, at least once, and to the end.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_nats::jetstream::consumer::{AckPolicy, pull};
use tokio_util::sync::CancellationToken;
use workapi_bus::{Error, Stream, Subscription, Verdict};
use workapi_telemetry::propagation::current_traceparent;
use workapi_testkit::eventually;

use crate::fixture::{
    REFRESH, Running, bus, claims, consumer_info, job, publish_jobs, shorten_ack_wait, stored,
    until_stored,
};

#[tokio::test]
async fn a_job_reaches_its_handler_and_is_gone_when_it_is_done() {
    let bus = bus().await;
    publish_jobs(&bus, 1).await;

    let consumer = Running::open(&bus, REFRESH, Verdict::Done);

    let deliveries = consumer.until_begun(1).await;
    assert_eq!(deliveries[0].subject, "job.refresh.sandbox");
    assert_eq!(deliveries[0].deliveries, 1);
    assert_eq!(claims(&deliveries), [1]);
    until_stored(&bus, Stream::Jobs, 0).await;
    consumer.stop().await;
}

#[tokio::test]
async fn jobs_of_another_kind_are_left_to_others() {
    let bus = bus().await;
    bus.publish_job("job.revoke.sandbox", "id", &job(1), None)
        .await
        .unwrap();
    publish_jobs(&bus, 1).await;
    let consumer = Running::open(&bus, REFRESH, Verdict::Done);

    until_stored(&bus, Stream::Jobs, 1).await;

    let deliveries = consumer.stop().await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].subject, "job.refresh.sandbox");
}

#[tokio::test]
async fn no_more_handlers_run_at_once_than_allowed() {
    let bus = bus().await;
    publish_jobs(&bus, 9).await;
    let consumer = Running::start(&bus, REFRESH, Verdict::Done);
    consumer.until_begun(2).await;
    let pending_at_first = consumer_info(&bus, REFRESH).await.num_ack_pending;

    for ended in 1..=7 {
        consumer.gate.add_permits(1);
        let begun = consumer.until_begun(2 + ended).await;
        assert_eq!(begun.len(), 2 + ended);
    }

    assert_eq!(pending_at_first, 2);
    consumer.gate.add_permits(2);
    until_stored(&bus, Stream::Jobs, 0).await;
    assert_eq!(claims(&consumer.stop().await), (1..=9).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_could_not_be_recorded_is_delivered_again() {
    let bus = bus().await;
    publish_jobs(&bus, 1).await;
    let consumer = Running::start(&bus, REFRESH, Verdict::Leave);
    consumer.until_begun(1).await;
    shorten_ack_wait(&bus, REFRESH).await;

    consumer.gate.add_permits(1_000_000);

    let deliveries = consumer.until_begun(3).await;
    let numbers: Vec<_> = deliveries
        .iter()
        .map(|delivery| delivery.deliveries)
        .collect();
    assert_eq!(numbers[..3], [1, 2, 3]);
    consumer.stop().await;
    assert_eq!(stored(&bus, Stream::Jobs).await, 1);
}

#[tokio::test]
async fn a_handler_that_panics_keeps_neither_its_message_nor_its_place() {
    let bus = bus().await;
    publish_jobs(&bus, 3).await;
    let panicked: Arc<Mutex<HashSet<i64>>> = Arc::default();
    let shutdown = CancellationToken::new();
    let handler = {
        let panicked = panicked.clone();
        move |delivery: workapi_bus::Delivery| {
            let panicked = panicked.clone();
            async move {
                let first = panicked.lock().unwrap().insert(claims(&[delivery])[0]);
                assert!(!first, "the first delivery of each job panics");
                Verdict::Done
            }
        }
    };
    let (consuming, stop) = (bus.clone(), shutdown.clone());
    let task = tokio::spawn(async move { consuming.consume(REFRESH, stop, handler).await });
    eventually("every handler has panicked once", async || {
        (panicked.lock().unwrap().len() == 3).then_some(())
    })
    .await;

    shorten_ack_wait(&bus, REFRESH).await;

    until_stored(&bus, Stream::Jobs, 0).await;
    shutdown.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn replicas_share_the_work() {
    let bus = bus().await;
    let one = Running::open(&bus, REFRESH, Verdict::Done);
    let other = Running::open(&bus, REFRESH, Verdict::Done);

    publish_jobs(&bus, 60).await;

    until_stored(&bus, Stream::Jobs, 0).await;
    let mut deliveries = one.stop().await;
    deliveries.extend(other.stop().await);
    assert_eq!(claims(&deliveries), (1..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_shutdown_takes_nothing_new_and_waits_for_what_runs() {
    let bus = bus().await;
    publish_jobs(&bus, 5).await;
    let consumer = Running::start(&bus, REFRESH, Verdict::Done);
    consumer.until_begun(2).await;

    consumer.shutdown.cancel();
    let ended_early = consumer.task.is_finished();
    consumer.gate.add_permits(1_000_000);
    let deliveries = consumer.stop().await;

    assert!(!ended_early);
    assert_eq!(deliveries.len(), 2);
    until_stored(&bus, Stream::Jobs, 3).await;
}

#[tokio::test]
async fn a_consumer_that_the_server_lost_is_made_again() {
    let bus = bus().await;
    let consumer = Running::open(&bus, REFRESH, Verdict::Done);
    publish_jobs(&bus, 1).await;
    until_stored(&bus, Stream::Jobs, 0).await;
    let stream = bus.prefixed(Stream::Jobs.name());
    let durable = bus.prefixed(REFRESH.durable);
    bus.jetstream()
        .delete_consumer_from_stream(&durable, &stream)
        .await
        .unwrap();

    bus.publish_job("job.refresh.sandbox", "later", &job(2), None)
        .await
        .unwrap();

    until_stored(&bus, Stream::Jobs, 0).await;
    assert_eq!(claims(&consumer.stop().await), [1, 2]);
}

#[tokio::test]
async fn jobs_that_went_with_the_server_leave_a_stream_for_those_that_come_again() {
    let bus = bus().await;
    let consumer = Running::open(&bus, REFRESH, Verdict::Done);
    publish_jobs(&bus, 1).await;
    until_stored(&bus, Stream::Jobs, 0).await;
    let stream = bus.prefixed(Stream::Jobs.name());
    bus.jetstream().delete_stream(stream).await.unwrap();

    eventually("a job that is stored", async || {
        bus.publish_job("job.refresh.sandbox", "later", &job(2), None)
            .await
            .ok()
    })
    .await;

    until_stored(&bus, Stream::Jobs, 0).await;
    assert_eq!(claims(&consumer.stop().await), [1, 2]);
}

#[tokio::test]
async fn a_consumer_with_another_filter_is_refused() {
    let bus = bus().await;
    Running::open(&bus, REFRESH, Verdict::Done).stop().await;
    let changed = Subscription {
        filter: "job.revoke.>",
        ..REFRESH
    };

    let refused = Running::open(&bus, changed, Verdict::Done)
        .task
        .await
        .unwrap();

    let error = refused.unwrap_err();
    let is_refusal = matches!(
        &error,
        Error::Incompatible { name, setting: "filter subject" } if *name == bus.prefixed("refresh")
    );
    assert!(is_refusal, "{error}");
    let filter = consumer_info(&bus, REFRESH).await.config.filter_subject;
    assert_eq!(filter, bus.prefixed("job.refresh.>"));
}

#[tokio::test]
async fn a_consumer_that_needs_no_acknowledgements_is_refused() {
    let bus = bus().await;
    let subscription = Subscription {
        stream: Stream::Events,
        durable: "reader",
        filter: "evt.>",
        concurrency: 1,
    };
    let config = pull::Config {
        durable_name: Some(bus.prefixed("reader")),
        filter_subject: bus.prefixed("evt.>"),
        ack_policy: AckPolicy::None,
        ..pull::Config::default()
    };
    let stream = bus.prefixed(Stream::Events.name());
    bus.jetstream()
        .create_consumer_on_stream(config, stream)
        .await
        .unwrap();

    let refused = Running::open(&bus, subscription, Verdict::Done).task.await;

    let error = refused.unwrap().unwrap_err();
    assert!(error.to_string().contains("another ack policy"), "{error}");
}

#[tokio::test]
async fn a_handler_works_in_the_trace_of_the_job() {
    workapi_telemetry::testing::record();
    let bus = bus().await;
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let traceparent = format!("00-{trace_id}-b7ad6b7169203331-01");
    bus.publish_job("job.refresh.sandbox", "id", &job(1), Some(&traceparent))
        .await
        .unwrap();
    let (sender, mut seen) = tokio::sync::mpsc::channel(1);
    let shutdown = CancellationToken::new();
    let handler = move |_| {
        let sender = sender.clone();
        async move {
            sender.send(current_traceparent()).await.unwrap();
            Verdict::Done
        }
    };
    let stop = shutdown.clone();
    let task = tokio::spawn(async move { bus.consume(REFRESH, stop, handler).await });

    let seen = seen.recv().await.unwrap().unwrap();

    assert!(seen.contains(trace_id), "{seen}");
    assert_ne!(seen, traceparent);
    shutdown.cancel();
    task.await.unwrap().unwrap();
}
