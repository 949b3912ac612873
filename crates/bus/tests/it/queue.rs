//! How many jobs wait.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;
use workapi_bus::{Stream, Verdict};
use workapi_testkit::eventually;

use crate::fixture::{REFRESH, bus, job, publish_jobs};

#[tokio::test]
async fn what_waits_is_counted_by_provider_and_kind() {
    let bus = bus().await;
    publish_jobs(&bus, 3).await;
    for (subject, id) in [("job.refresh.gmail", "a"), ("job.revoke.gmail", "b")] {
        bus.publish_job(subject, id, &job(1), None).await.unwrap();
    }

    let refreshes = bus.queued_jobs("refresh").await.unwrap();
    let revocations = bus.queued_jobs("revoke").await.unwrap();

    let expected = [("sandbox".to_owned(), 3), ("gmail".to_owned(), 1)];
    assert_eq!(refreshes, HashMap::from(expected));
    assert_eq!(revocations, HashMap::from([("gmail".to_owned(), 1)]));
}

#[tokio::test]
async fn what_is_done_does_not_wait_any_more() {
    let bus = bus().await;
    publish_jobs(&bus, 3).await;
    let shutdown = CancellationToken::new();
    let consuming = {
        let (bus, shutdown) = (bus.clone(), shutdown.clone());
        tokio::spawn(async move {
            bus.consume(REFRESH, shutdown, |_| async { Verdict::Done })
                .await
        })
    };

    eventually("an empty queue", || async {
        let queued = bus.queued_jobs("refresh").await.unwrap();
        queued.is_empty().then_some(())
    })
    .await;

    shutdown.cancel();
    consuming.await.unwrap().unwrap();
}

#[tokio::test]
async fn without_the_stream_nobody_knows() {
    let bus = bus().await;
    let name = bus.prefixed(Stream::Jobs.name());
    bus.jetstream().delete_stream(&name).await.unwrap();

    let queued = bus.queued_jobs("refresh").await;

    let message = queued.unwrap_err().to_string();
    assert_eq!(
        message,
        format!("failed to read the state of the stream {name}")
    );
}
