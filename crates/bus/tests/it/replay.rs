//! Reading again what a stream has kept, and the watermark in the journal.

use workapi_bus::{Journal, Replay, Stream};

use crate::fixture::{bus, publish_jobs};

/// Reads everything, page by page, and returns the sizes of the pages.
async fn sizes(mut replay: Replay, limit: usize) -> Vec<usize> {
    let mut sizes = Vec::new();
    loop {
        let page = replay.page(limit).await.unwrap();
        if page.is_empty() {
            return sizes;
        }
        sizes.push(page.len());
    }
}

#[tokio::test]
async fn a_journal_is_read_in_pages_and_left_as_it_is() {
    let journal = Journal::new(bus().await);
    for n in 0..5 {
        journal
            .put(&format!("credential-{n}"), vec![n], 0)
            .await
            .unwrap();
    }
    journal.put("credential-0", vec![9], 1).await.unwrap();

    let first = sizes(journal.replay().await.unwrap(), 2).await;
    let mut again = journal.replay().await.unwrap();
    let page = again.page(10).await.unwrap();

    assert_eq!(first, [2, 2, 1]);
    let last = page.last().unwrap();
    assert_eq!(last.subject, "journal.credential-0");
    assert_eq!(last.payload.as_ref(), [9]);
}

#[tokio::test]
async fn only_what_the_filter_names_is_read() {
    let bus = bus().await;
    publish_jobs(&bus, 3).await;

    let other = bus.replay(Stream::Events, "evt.integrations.>").await;

    assert!(sizes(other.unwrap(), 10).await.is_empty());
}

#[tokio::test]
async fn the_watermark_is_what_was_put_last() {
    let journal = Journal::new(bus().await);

    let none = journal.watermark().await.unwrap();
    journal.put_watermark(41).await.unwrap();
    journal.put_watermark(42).await.unwrap();

    assert_eq!(none, None);
    assert_eq!(journal.watermark().await.unwrap(), Some(42));
}

#[tokio::test]
async fn a_watermark_that_is_no_number_is_an_error_and_not_zero() {
    let journal = Journal::new(bus().await);
    journal.put("watermark", b"many".to_vec(), 0).await.unwrap();

    let read = journal.watermark().await;

    let message = read.unwrap_err().to_string();
    assert!(message.contains("journal.watermark"), "{message}");
}
