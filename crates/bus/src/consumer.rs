//! Durable pull consumers: one filter subject each, bounded concurrency, no delayed naks.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::pull::Config as PullConfig;
use async_nats::jetstream::consumer::{AckPolicy, Consumer};
use async_nats::jetstream::message::Message;
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use workapi_telemetry::propagation::{TRACEPARENT, context_from_traceparent, set_parent};

use crate::dead_letters::SUBJECT;
use crate::{Bus, Error, Stream, streams};

/// How long JetStream waits for an acknowledgement before it delivers again.
const ACK_WAIT: Duration = Duration::from_secs(15);
/// How often a handler that is still at work says so.
const PROGRESS: Duration = Duration::from_secs(5);
/// How long one pull stays open.
const PULL_EXPIRY: Duration = Duration::from_secs(1);
/// How long to leave the server alone after a failure.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// What to consume, and how much of it at once.
#[derive(Clone, Copy, Debug)]
pub struct Subscription {
    /// The stream.
    pub stream: Stream,
    /// The durable's name, without prefix; replicas that share it share the work.
    pub durable: &'static str,
    /// The one filter subject, without prefix.
    pub filter: &'static str,
    /// How many messages are handled at once.
    pub concurrency: usize,
}

/// A message with what a handler needs of it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The subject, without prefix.
    pub subject: String,
    /// The encoded protobuf message.
    pub payload: Bytes,
    /// How many times the message was delivered, this one included.
    pub deliveries: i64,
}

impl Delivery {
    /// Decodes the payload.
    ///
    /// # Errors
    /// Fails when the payload is not such a message.
    pub fn decode<M: prost::Message + Default>(&self) -> Result<M, prost::DecodeError> {
        M::decode(self.payload.clone())
    }
}

/// What becomes of a message after its handler ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its outcome is in PostgreSQL: acknowledge.
    Done,
    /// The outcome could not be recorded: leave it, to be delivered again after 15 seconds.
    Leave,
    /// Nobody will ever be able to handle it: copy it to the dead letters of this kind
    /// (`dlq.<kind>`) and take it off the stream.
    Dead(&'static str),
}

/// The handlers of one subscription.
struct Handlers<H> {
    permits: Arc<Semaphore>,
    running: TaskTracker,
    handler: H,
}

impl Bus {
    /// Consumes until `shutdown`, then waits for the handlers that still run.
    ///
    /// The consumer is created or updated first; later failures are survived.
    ///
    /// # Errors
    /// Fails when the consumer exists with another filter or ack policy, or can't be created.
    pub async fn consume<H, Handling>(
        &self,
        subscription: Subscription,
        shutdown: CancellationToken,
        handler: H,
    ) -> Result<(), Error>
    where
        H: Fn(Delivery) -> Handling + Clone + Send + Sync + 'static,
        Handling: Future<Output = Verdict> + Send + 'static,
    {
        let mut consumer = self.prepare_consumer(subscription).await?;
        let handlers = Handlers {
            permits: Arc::new(Semaphore::new(subscription.concurrency)),
            running: TaskTracker::new(),
            handler,
        };
        while !shutdown.is_cancelled() {
            if let Err(error) = self.pull(&consumer, &handlers, &shutdown).await {
                tracing::debug!(durable = subscription.durable, %error, "pulling failed; trying on");
                tokio::select! {
                    () = tokio::time::sleep(FAILURE_PAUSE) => {}
                    () = shutdown.cancelled() => break,
                }
                // A server that was restarted has lost what it kept in memory, and perhaps its storage.
                // Boxed, so that the rare case does not make every consumer larger.
                if let Ok(recreated) = Box::pin(self.recreate(subscription)).await {
                    consumer = recreated;
                }
            }
        }
        handlers.running.close();
        handlers.running.wait().await;
        Ok(())
    }

    /// Pulls as many messages as there are free permits, once.
    async fn pull<H, Handling>(
        &self,
        consumer: &Consumer<PullConfig>,
        handlers: &Handlers<H>,
        shutdown: &CancellationToken,
    ) -> Result<(), async_nats::Error>
    where
        H: Fn(Delivery) -> Handling + Clone + Send + Sync + 'static,
        Handling: Future<Output = Verdict> + Send + 'static,
    {
        let permit = || handlers.permits.clone().acquire_owned();
        let mut first = tokio::select! {
            permit = permit() => Some(permit?),
            () = shutdown.cancelled() => return Ok(()),
        };
        let room = 1 + handlers.permits.available_permits();
        let mut messages = consumer
            .batch()
            .max_messages(room)
            .expires(PULL_EXPIRY)
            .messages()
            .await?;
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                () = shutdown.cancelled() => None,
            };
            let Some(message) = message.transpose()? else {
                return Ok(());
            };
            let held = match first.take() {
                Some(held) => held,
                None => permit().await?,
            };
            let bus = self.clone();
            let handler = handlers.handler.clone();
            handlers.running.spawn(async move {
                bus.handle(message, handler).await;
                drop(held);
            });
        }
    }

    /// Runs the handler in a span of the sender's trace, reports progress, and acknowledges.
    async fn handle<H, Handling>(&self, message: Message, handler: H)
    where
        H: Fn(Delivery) -> Handling,
        Handling: Future<Output = Verdict>,
    {
        let delivery = Delivery {
            subject: message
                .subject
                .strip_prefix(self.prefixed("").as_str())
                .unwrap_or_default()
                .to_owned(),
            payload: message.payload.clone(),
            deliveries: message.info().map_or(1, |info| info.delivered),
        };
        let span = tracing::info_span!("consume", subject = %delivery.subject, deliveries = delivery.deliveries);
        let traceparent = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(TRACEPARENT));
        if let Some(traceparent) = traceparent {
            set_parent(&span, context_from_traceparent(traceparent.as_str()));
        }
        let verdict = with_progress(&message, handler(delivery).instrument(span)).await;
        let settled = match verdict {
            Verdict::Done => message.ack().await,
            Verdict::Leave => Ok(()),
            Verdict::Dead(kind) => self.bury(&message, kind).await,
        };
        if let Err(error) = settled {
            tracing::debug!(%error, "a message will be delivered again");
        }
    }

    /// Copies a message to `dlq.<kind>` and, once it is stored there, ends its delivery.
    async fn bury(&self, message: &Message, kind: &str) -> Result<(), async_nats::Error> {
        let mut headers = message.headers.clone().unwrap_or_default();
        headers.insert(SUBJECT, message.subject.as_str());
        self.jetstream()
            .publish_with_headers(
                self.prefixed(&format!("dlq.{kind}")),
                headers,
                message.payload.clone(),
            )
            .await?
            .await?;
        message.ack_with(AckKind::Term).await
    }

    async fn recreate(&self, subscription: Subscription) -> Result<Consumer<PullConfig>, Error> {
        streams::prepare(self).await?;
        self.prepare_consumer(subscription).await
    }

    async fn prepare_consumer(
        &self,
        subscription: Subscription,
    ) -> Result<Consumer<PullConfig>, Error> {
        let stream = self.prefixed(subscription.stream.name());
        let durable = self.prefixed(subscription.durable);
        let config = PullConfig {
            durable_name: Some(durable.clone()),
            filter_subject: self.prefixed(subscription.filter),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: 20_000,
            ..PullConfig::default()
        };
        let existing = self
            .jetstream()
            .get_consumer_from_stream::<PullConfig, _, _>(&durable, &stream)
            .await;
        if let Ok(existing) = existing {
            let found = &existing.cached_info().config;
            let setting = if found.filter_subject != config.filter_subject {
                Some("filter subject")
            } else if found.ack_policy != config.ack_policy {
                Some("ack policy")
            } else {
                None
            };
            if let Some(setting) = setting {
                return Err(Error::Incompatible {
                    name: durable,
                    setting,
                });
            }
        }
        self.jetstream()
            .create_consumer_on_stream(config, stream.as_str())
            .await
            .map_err(|error| Error::Stream {
                name: stream,
                source: error.into(),
            })
    }
}

/// Waits for `handling`, telling JetStream every 5 seconds that it is still under way.
async fn with_progress<T>(message: &Message, handling: impl Future<Output = T>) -> T {
    tokio::pin!(handling);
    loop {
        tokio::select! {
            verdict = &mut handling => return verdict,
            () = tokio::time::sleep(PROGRESS) => {
                if let Err(error) = message.ack_with(AckKind::Progress).await {
                    tracing::debug!(%error, "failed to report progress");
                }
            }
        }
    }
}
