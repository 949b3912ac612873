//! Messages that nobody will ever be able to handle.

use prost::Message;
use workapi_bus::{Stream, Verdict};
use workapi_proto::jobs::v1::CredentialJob;

use crate::fixture::{
    REFRESH, Running, bus, consumer_info, header, job, messages, publish_jobs, stored, until_stored,
};

#[tokio::test]
async fn a_dead_message_is_copied_and_taken_off_its_stream() {
    let bus = bus().await;
    publish_jobs(&bus, 1).await;

    let consumer = Running::open(&bus, REFRESH, Verdict::Dead("refresh"));

    until_stored(&bus, Stream::Jobs, 0).await;
    let deliveries = consumer.stop().await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(consumer_info(&bus, REFRESH).await.num_ack_pending, 0);
    let letters = messages(&bus, Stream::DeadLetters).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].subject.as_str(), bus.prefixed("dlq.refresh"));
    let origin = header(&letters[0], "workapi-subject");
    assert_eq!(origin, bus.prefixed("job.refresh.sandbox"));
    assert_eq!(header(&letters[0], "Nats-Msg-Id"), "job-1");
    let copied = CredentialJob::decode(letters[0].payload.clone()).unwrap();
    assert_eq!(copied, job(1));
}

#[tokio::test]
async fn a_dead_message_that_cannot_be_copied_is_not_lost() {
    let bus = bus().await;
    publish_jobs(&bus, 1).await;
    let letters = bus.prefixed(Stream::DeadLetters.name());
    bus.jetstream().delete_stream(&letters).await.unwrap();

    let consumer = Running::open(&bus, REFRESH, Verdict::Dead("refresh"));

    consumer.until_begun(1).await;
    consumer.stop().await;
    assert_eq!(stored(&bus, Stream::Jobs).await, 1);
    assert_eq!(consumer_info(&bus, REFRESH).await.num_ack_pending, 1);
}
