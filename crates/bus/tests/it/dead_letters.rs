//! Looking at dead letters, and taking them away.

use workapi_bus::Stream;
use workapi_bus::{Bus, DeadLetter, Error, Verdict};
use workapi_proto::jobs::v1::CredentialJob;
use workapi_testkit::{Proxy, nats_url, unique_prefix};

use crate::fixture::{REFRESH, Running, bus, job, publish_jobs, until_stored};

/// Returns a bus on which `count` refresh jobs have died.
async fn bus_with_dead(count: i64) -> Bus {
    let bus = bus().await;
    publish_jobs(&bus, count).await;
    let consumer = Running::open(&bus, REFRESH, Verdict::Dead("refresh"));
    until_stored(&bus, Stream::Jobs, 0).await;
    consumer.stop().await;
    bus
}

fn sequences(letters: &[DeadLetter]) -> Vec<u64> {
    letters.iter().map(|letter| letter.sequence).collect()
}

#[tokio::test]
async fn a_dead_letter_says_what_it_was() {
    let bus = bus_with_dead(1).await;

    let letters = bus.dead_letters(0, 10).await.unwrap();
    let same = bus.dead_letter(1).await.unwrap().unwrap();

    assert_eq!(letters.len(), 1);
    for letter in [&letters[0], &same] {
        assert_eq!((letter.sequence, letter.kind.as_str()), (1, "refresh"));
        assert_eq!(letter.subject, "job.refresh.sandbox");
        assert_eq!(letter.decode::<CredentialJob>().unwrap(), job(1));
    }
    assert_eq!(letters[0].buried_at, same.buried_at);
}

#[tokio::test]
async fn a_page_is_bounded_and_goes_on_after_the_last_one() {
    let bus = bus_with_dead(5).await;

    let first = bus.dead_letters(0, 2).await.unwrap();
    let second = bus.dead_letters(2, 2).await.unwrap();
    let third = bus.dead_letters(4, 2).await.unwrap();
    let end = bus.dead_letters(5, 2).await.unwrap();

    let pages = [first, second, third, end].map(|page| sequences(&page));
    assert_eq!(pages, [vec![1, 2], vec![3, 4], vec![5], vec![]]);
}

#[tokio::test]
async fn a_removed_letter_is_gone_and_the_others_stay() {
    let bus = bus_with_dead(3).await;

    let removed = bus.remove_dead_letter(2).await.unwrap();
    let again = bus.remove_dead_letter(2).await.unwrap();
    let never = bus.remove_dead_letter(17).await.unwrap();

    assert_eq!((removed, again, never), (true, false, false));
    assert!(bus.dead_letter(2).await.unwrap().is_none());
    assert!(bus.dead_letter(17).await.unwrap().is_none());
    assert_eq!(sequences(&bus.dead_letters(0, 10).await.unwrap()), [1, 3]);
}

#[tokio::test]
async fn without_the_server_it_is_an_error_and_not_an_empty_list() {
    let way = Proxy::open(&nats_url()).await;
    let bus = Bus::connect(&workapi_bus::Config {
        url: way.lead(&nats_url()),
        prefix: unique_prefix(),
        name: "bus-test",
    })
    .await
    .unwrap();

    way.cut().await;

    let listed = bus.dead_letters(0, 10).await;
    assert!(matches!(listed, Err(Error::DeadLetters { .. })));
    let one = bus.dead_letter(1).await;
    assert!(matches!(one, Err(Error::DeadLetters { .. })));
}
