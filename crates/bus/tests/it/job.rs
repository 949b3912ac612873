//! Publishing jobs.

use prost::Message;
use workapi_bus::Stream;
use workapi_proto::jobs::v1::CredentialJob;

use crate::fixture::{bus, header, job, messages, stored};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn a_job_is_stored_with_its_id_and_its_trace() {
    let bus = bus().await;

    bus.publish_job("job.refresh.sandbox", "an-id", &job(7), Some(TRACE))
        .await
        .unwrap();

    let messages = messages(&bus, Stream::Jobs).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(
        messages[0].subject.as_str(),
        bus.prefixed("job.refresh.sandbox")
    );
    assert_eq!(header(&messages[0], "Nats-Msg-Id"), "an-id");
    assert_eq!(header(&messages[0], "traceparent"), TRACE);
    let stored = CredentialJob::decode(messages[0].payload.clone()).unwrap();
    assert_eq!(stored, job(7));
}

#[tokio::test]
async fn a_job_without_a_trace_carries_none() {
    let bus = bus().await;

    bus.publish_job("job.refresh.sandbox", "an-id", &job(7), None)
        .await
        .unwrap();

    let messages = messages(&bus, Stream::Jobs).await;
    assert!(messages[0].headers.get("traceparent").is_none());
}

#[tokio::test]
async fn a_job_that_is_published_twice_is_stored_once() {
    let bus = bus().await;
    for _ in 0..2 {
        bus.publish_job("job.refresh.sandbox", "same", &job(1), None)
            .await
            .unwrap();
    }

    bus.publish_job("job.refresh.sandbox", "another", &job(1), None)
        .await
        .unwrap();

    assert_eq!(stored(&bus, Stream::Jobs).await, 2);
}

#[tokio::test]
async fn a_job_that_no_stream_takes_is_an_error() {
    let bus = bus().await;

    let published = bus.publish_job("elsewhere", "id", &job(1), None).await;

    let message = published.unwrap_err().to_string();
    assert_eq!(message, "failed to publish to elsewhere");
}
