//! Requests for a refresh, and notes that there was one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workapi_bus::{Bus, Config, RequestError};
use workapi_proto::jobs::v1::{RefreshOutcome, RefreshReply, RefreshRequest, RefreshedNote};
use workapi_testkit::{Proxy, eventually, nats_url, unique_prefix};

use crate::fixture::{bus, connect};

const PATIENCE: Duration = Duration::from_secs(30);

/// One who answers requests, as soon as it is allowed to.
struct Responder {
    taken: Arc<AtomicUsize>,
    answers: Arc<Semaphore>,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

impl Responder {
    /// Serves with room for `concurrency` requests, of which `answers` are answered at once.
    fn start(bus: &Bus, concurrency: usize, answers: usize) -> Self {
        let taken = Arc::new(AtomicUsize::new(0));
        let answers = Arc::new(Semaphore::new(answers));
        let shutdown = CancellationToken::new();
        let handler = {
            let (taken, answers) = (Arc::clone(&taken), Arc::clone(&answers));
            move |request: RefreshRequest| {
                taken.fetch_add(1, Ordering::SeqCst);
                let answers = Arc::clone(&answers);
                async move {
                    answers.acquire().await.unwrap().forget();
                    RefreshReply {
                        outcome: RefreshOutcome::Refreshed.into(),
                        generation: 7,
                        cause: request.integration_id,
                        ..RefreshReply::default()
                    }
                }
            }
        };
        let (bus, stop) = (bus.clone(), shutdown.clone());
        let serving = tokio::spawn(async move {
            bus.serve_refresh_requests(concurrency, stop, handler)
                .await
                .unwrap();
        });
        Self {
            taken,
            answers,
            shutdown,
            serving,
        }
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }
}

/// Asks until somebody serves, and returns the first reply.
async fn reply(bus: &Bus, integration_id: &str) -> RefreshReply {
    eventually("somebody serves", || async {
        match bus.request_refresh(integration_id, PATIENCE).await {
            Ok(reply) => Some(reply),
            Err(RequestError::NoResponder) => None,
            Err(error) => panic!("{error}"),
        }
    })
    .await
}

#[tokio::test]
async fn a_request_is_answered_by_one_of_those_who_serve() {
    let bus = bus().await;
    let responders = [(); 2].map(|()| Responder::start(&bus, 8, 8));

    let reply = reply(&bus, "an-id").await;

    assert_eq!(reply.outcome(), RefreshOutcome::Refreshed);
    assert_eq!((reply.generation, reply.cause.as_str()), (7, "an-id"));
    assert_eq!(responders[0].taken() + responders[1].taken(), 1);
}

#[tokio::test]
async fn a_request_that_nobody_serves_fails_at_once() {
    let bus = bus().await;

    let failed = bus.request_refresh("an-id", Duration::MAX).await;

    assert_eq!(failed.unwrap_err(), RequestError::NoResponder);
}

#[tokio::test]
async fn a_request_that_is_not_answered_in_time_fails() {
    let bus = bus().await;
    let responder = Responder::start(&bus, 1, 1);
    reply(&bus, "first").await;

    let failed = bus
        .request_refresh("second", Duration::from_millis(100))
        .await;

    assert_eq!(failed.unwrap_err(), RequestError::TimedOut);
    assert_eq!(responder.taken(), 2);
}

#[tokio::test]
async fn a_request_beyond_the_room_is_told_so_at_once() {
    let bus = bus().await;
    let responder = Responder::start(&bus, 1, 1);
    reply(&bus, "first").await;
    let second = tokio::spawn({
        let bus = bus.clone();
        async move { bus.request_refresh("second", PATIENCE).await }
    });
    eventually("the second request is taken", || async {
        (responder.taken() == 2).then_some(())
    })
    .await;

    let third = bus.request_refresh("third", PATIENCE).await.unwrap();

    assert_eq!(third.outcome(), RefreshOutcome::Busy);
    assert_eq!(responder.taken(), 2);
    responder.answers.add_permits(1);
    let second = second.await.unwrap().unwrap();
    assert_eq!(second.outcome(), RefreshOutcome::Refreshed);
}

#[tokio::test]
async fn who_stops_serving_finishes_its_answers_first() {
    let bus = bus().await;
    let responder = Responder::start(&bus, 8, 1);
    reply(&bus, "first").await;
    let second = tokio::spawn({
        let bus = bus.clone();
        async move { bus.request_refresh("second", PATIENCE).await }
    });
    eventually("the second request is taken", || async {
        (responder.taken() == 2).then_some(())
    })
    .await;

    responder.shutdown.cancel();
    eventually("requests are taken no more", || async {
        // One that was on its way gets no answer.
        let third = bus.request_refresh("third", Duration::from_millis(200));
        (third.await == Err(RequestError::NoResponder)).then_some(())
    })
    .await;
    let was_serving = !responder.serving.is_finished();
    responder.answers.add_permits(1);

    assert!(was_serving);
    assert!(second.await.unwrap().is_ok());
    responder.serving.await.unwrap();
}

#[tokio::test]
async fn other_prefixes_have_requests_of_their_own() {
    let (ours, theirs) = (bus().await, bus().await);
    let responder = Responder::start(&ours, 8, 8);
    reply(&ours, "an-id").await;

    let failed = theirs.request_refresh("an-id", PATIENCE).await;

    assert_eq!(failed.unwrap_err(), RequestError::NoResponder);
    assert_eq!(responder.taken(), 1);
}

#[tokio::test]
async fn a_note_reaches_those_who_wait_for_its_credential() {
    let prefix = unique_prefix();
    let [waiting, telling] = [connect(prefix.clone()).await, connect(prefix).await];
    let (waiting, telling) = (waiting.unwrap(), telling.unwrap());
    let mut notes = waiting.subscribe_refreshed("mine").await.unwrap();
    // The server answers this after it has read the subscription.
    let answered = waiting.request_refresh("mine", PATIENCE).await;
    assert_eq!(answered.unwrap_err(), RequestError::NoResponder);
    let note = |generation| RefreshedNote {
        grant_id: "a-grant".to_owned(),
        generation,
    };

    telling.publish_refreshed("another", &note(1)).await;
    telling.publish_refreshed("mine", &note(2)).await;

    assert_eq!(notes.next().await, Some(note(2)));
}

#[tokio::test]
async fn without_nats_nothing_is_waited_for() {
    let proxy = Proxy::open(&nats_url()).await;
    let bus = Bus::connect(&Config {
        url: proxy.lead(&nats_url()),
        prefix: unique_prefix(),
        name: "bus-test",
    })
    .await
    .unwrap();
    proxy.cut().await;
    eventually("the bus notices", || async {
        (!bus.is_connected()).then_some(())
    })
    .await;

    let asked = bus.request_refresh("an-id", PATIENCE).await;
    let subscribed = bus.subscribe_refreshed("an-id").await;
    bus.publish_refreshed("an-id", &RefreshedNote::default())
        .await;

    assert_eq!(asked.unwrap_err(), RequestError::Disconnected);
    assert_eq!(subscribed.unwrap_err(), RequestError::Disconnected);
}
