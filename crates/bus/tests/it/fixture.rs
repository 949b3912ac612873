//! A bus of its own for each test, and what it stored.

use std::sync::{Arc, Mutex};

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::message::StreamMessage;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workapi_bus::{Bus, Config, Delivery, Error, Stream, Subscription, Verdict};
use workapi_proto::jobs::v1::CredentialJob;
use workapi_testkit::{eventually, nats_url, unique_prefix};

/// Connects with a prefix of its own.
pub(crate) async fn bus() -> Bus {
    connect(unique_prefix()).await.unwrap()
}

/// Connects with `prefix`.
pub(crate) async fn connect(prefix: String) -> Result<Bus, Error> {
    let config = Config {
        url: nats_url(),
        prefix,
        name: "bus-test",
    };
    Bus::connect(&config).await
}

/// The refresh jobs, by two at once.
pub(crate) const REFRESH: Subscription = Subscription {
    stream: Stream::Jobs,
    durable: "refresh",
    filter: "job.refresh.>",
    concurrency: 2,
};

/// Returns a job that is told from others by its claim.
pub(crate) fn job(claim_seq: i64) -> CredentialJob {
    CredentialJob {
        claim_seq,
        ..CredentialJob::default()
    }
}

/// Publishes jobs `1..=count` for the provider `sandbox`.
pub(crate) async fn publish_jobs(bus: &Bus, count: i64) {
    for n in 1..=count {
        bus.publish_job("job.refresh.sandbox", &format!("job-{n}"), &job(n), None)
            .await
            .unwrap();
    }
}

/// Returns how many messages a stream holds.
pub(crate) async fn stored(bus: &Bus, stream: Stream) -> u64 {
    let name = bus.prefixed(stream.name());
    let mut stream = bus.jetstream().get_stream(name).await.unwrap();
    stream.info().await.unwrap().state.messages
}

/// Waits until a stream holds `count` messages.
pub(crate) async fn until_stored(bus: &Bus, stream: Stream, count: u64) {
    eventually("the stream holds what it should", async || {
        (stored(bus, stream).await == count).then_some(())
    })
    .await;
}

/// Returns every message of a stream from which none was removed.
pub(crate) async fn messages(bus: &Bus, stream: Stream) -> Vec<StreamMessage> {
    let name = bus.prefixed(stream.name());
    let stream = bus.jetstream().get_stream(name).await.unwrap();
    let last = stream.cached_info().state.last_sequence;
    let mut messages = Vec::new();
    for sequence in 1..=last {
        messages.push(stream.get_raw_message(sequence).await.unwrap());
    }
    messages
}

/// Returns a header, looked up by its exact case.
pub(crate) fn header<'a>(message: &'a StreamMessage, name: &str) -> &'a str {
    let value = message.headers.get(name);
    value
        .unwrap_or_else(|| panic!("there is no header {name}"))
        .as_str()
}

/// Returns the server's view of a durable consumer.
pub(crate) async fn consumer_info(
    bus: &Bus,
    subscription: Subscription,
) -> async_nats::jetstream::consumer::Info {
    let stream = bus.prefixed(subscription.stream.name());
    let durable = bus.prefixed(subscription.durable);
    let mut consumer = bus
        .jetstream()
        .get_consumer_from_stream::<pull::Config, _, _>(durable, stream)
        .await
        .unwrap();
    consumer.info().await.unwrap().clone()
}

/// Makes the server wait 100 ms for acknowledgements, where 15 s would be too long for a test.
pub(crate) async fn shorten_ack_wait(bus: &Bus, subscription: Subscription) {
    let info = consumer_info(bus, subscription).await;
    let config = pull::Config {
        durable_name: info.config.durable_name,
        filter_subject: info.config.filter_subject,
        ack_policy: info.config.ack_policy,
        ack_wait: std::time::Duration::from_millis(100),
        max_ack_pending: info.config.max_ack_pending,
        ..pull::Config::default()
    };
    let stream = bus.prefixed(subscription.stream.name());
    bus.jetstream()
        .create_consumer_on_stream(config, stream)
        .await
        .unwrap();
}

/// A consumer that runs until it is stopped, and what came to its handler.
pub(crate) struct Running {
    /// The claims of the jobs whose handlers began, in that order.
    pub(crate) begun: Arc<Mutex<Vec<Delivery>>>,
    /// How many more handlers may end.
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// Consumes with handlers that end with `verdict` once the gate lets them.
    pub(crate) fn start(bus: &Bus, subscription: Subscription, verdict: Verdict) -> Self {
        let begun: Arc<Mutex<Vec<Delivery>>> = Arc::default();
        let gate = Arc::new(Semaphore::new(0));
        let shutdown = CancellationToken::new();
        let handler = {
            let (begun, gate) = (begun.clone(), gate.clone());
            move |delivery| {
                let (begun, gate) = (begun.clone(), gate.clone());
                async move {
                    begun.lock().unwrap().push(delivery);
                    gate.acquire().await.unwrap().forget();
                    verdict
                }
            }
        };
        let (bus, stop) = (bus.clone(), shutdown.clone());
        let task = tokio::spawn(async move { bus.consume(subscription, stop, handler).await });
        Self {
            begun,
            gate,
            shutdown,
            task,
        }
    }

    /// Consumes with handlers that end with `verdict` at once.
    pub(crate) fn open(bus: &Bus, subscription: Subscription, verdict: Verdict) -> Self {
        let running = Self::start(bus, subscription, verdict);
        running.gate.add_permits(1_000_000);
        running
    }

    /// Waits until `count` handlers have begun, and returns their deliveries.
    pub(crate) async fn until_begun(&self, count: usize) -> Vec<Delivery> {
        eventually("enough handlers have begun", async || {
            let begun = self.begun.lock().unwrap();
            (begun.len() >= count).then(|| begun.clone())
        })
        .await
    }

    /// Stops the consumer and waits for its handlers.
    pub(crate) async fn stop(self) -> Vec<Delivery> {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
        std::mem::take(&mut self.begun.lock().unwrap())
    }
}

/// Returns the claims of the jobs that were delivered, in order of their numbers.
pub(crate) fn claims(deliveries: &[Delivery]) -> Vec<i64> {
    let claim = |delivery: &Delivery| delivery.decode::<CredentialJob>().unwrap().claim_seq;
    let mut claims: Vec<_> = deliveries.iter().map(claim).collect();
    claims.sort_unstable();
    claims
}
