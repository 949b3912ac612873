//! Reading from its beginning what a stream has kept.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config as PullConfig;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy};
use futures::StreamExt;

use crate::{Bus, Delivery, Error, Stream};

/// How long one page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server remembers a reader that does not come back.
const INACTIVE: Duration = Duration::from_secs(30);

/// What a stream has kept under one filter, read page by page in its order. Nothing is
/// acknowledged, and nobody else's delivery is touched.
#[derive(Debug)]
pub struct Replay {
    consumer: Consumer<PullConfig>,
    name: String,
    prefix: String,
}

impl Bus {
    /// Begins to read what `stream` has kept under `filter`, from the oldest message on.
    ///
    /// # Errors
    /// Fails when the server does not make a reader.
    pub async fn replay(&self, stream: Stream, filter: &str) -> Result<Replay, Error> {
        let name = self.prefixed(stream.name());
        let config = PullConfig {
            filter_subject: self.prefixed(filter),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::None,
            inactive_threshold: INACTIVE,
            memory_storage: true,
            ..PullConfig::default()
        };
        let made = self.jetstream().create_consumer_on_stream(config, &name);
        match made.await {
            Ok(consumer) => Ok(Replay {
                consumer,
                name,
                prefix: self.prefixed(""),
            }),
            Err(error) => Err(failed(name, error)),
        }
    }
}

impl Replay {
    /// Returns up to `limit` further messages; none when the end is reached.
    ///
    /// # Errors
    /// Fails when the server does not answer, or has forgotten the reader: begin anew then.
    pub async fn page(&mut self, limit: usize) -> Result<Vec<Delivery>, Error> {
        let reading = tokio::time::timeout(PAGE_TIMEOUT, self.read(limit));
        match reading.await {
            Ok(Ok(page)) => Ok(page),
            Ok(Err(error)) => Err(failed(self.name.clone(), error)),
            Err(elapsed) => Err(failed(self.name.clone(), elapsed)),
        }
    }

    async fn read(&self, limit: usize) -> Result<Vec<Delivery>, async_nats::Error> {
        let mut messages = self.consumer.fetch().max_messages(limit).messages().await?;
        let mut page = Vec::new();
        while let Some(message) = messages.next().await {
            let message = message?;
            let subject = message.subject.strip_prefix(self.prefix.as_str());
            page.push(Delivery {
                subject: subject.unwrap_or_default().to_owned(),
                payload: message.payload.clone(),
                deliveries: 1,
            });
        }
        Ok(page)
    }
}

fn failed(name: String, source: impl Into<async_nats::Error>) -> Error {
    Error::Replay {
        name,
        source: source.into(),
    }
}
