//! The journal: the newest message of each credential, kept beside PostgreSQL (refresh protocol,
//! section 6).

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream as Handle};
use bytes::Bytes;
use tokio::time::timeout;

use crate::{Bus, Error, Stream};

/// How long a question to the stream's leader may take.
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// The subject of writes that only show that the journal takes writes. No credential is named so.
const PROBE: &str = "probe";

/// The journal of sealed answers, a message for each credential: the newest. What a message holds
/// is its writer's business.
#[derive(Clone, Debug)]
pub struct Journal {
    bus: Bus,
}

/// A message of the journal.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its number in the stream.
    pub number: u64,
    /// What its writer wrote.
    pub message: Bytes,
}

impl Journal {
    /// Makes a journal on `bus`, whose streams are ready.
    pub fn new(bus: Bus) -> Self {
        Self { bus }
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Keeps `message` in the place of message number `replaced` of `credential` (0: of none), and
    /// waits until it is stored. Returns false when another message is there by now: then nothing
    /// is stored, however late the client library sends what it held back.
    ///
    /// # Errors
    /// Fails when JetStream does not confirm within 3 seconds; it may be stored or not.
    pub async fn put(
        &self,
        credential: &str,
        message: Vec<u8>,
        replaced: u64,
    ) -> Result<bool, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, replaced.to_string());
        match self.publish(credential, headers, message).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes a message that nobody reads, to see that the journal takes writes.
    ///
    /// # Errors
    /// Fails when it takes none.
    pub async fn probe(&self) -> Result<(), Error> {
        self.write(PROBE, Vec::new()).await
    }

    /// Writes a message of the journal's own, whatever was there.
    pub(crate) async fn write(&self, name: &str, message: Vec<u8>) -> Result<(), Error> {
        let written = self.publish(name, HeaderMap::new(), message).await;
        written.map_err(failed)
    }

    async fn publish(
        &self,
        name: &str,
        headers: HeaderMap,
        message: Vec<u8>,
    ) -> Result<(), PublishError> {
        let subject = self.bus.prefixed(&subject(name));
        let acknowledgement = self
            .bus
            .jetstream()
            .publish_with_headers(subject, headers, message.into())
            .await?;
        acknowledgement.await.map(drop)
    }

    /// Returns what is kept of `credential`, as the stream's leader has it: a replica may not have
    /// heard of the newest message yet.
    ///
    /// # Errors
    /// Fails when the leader does not answer; nothing is known then.
    pub async fn last(&self, credential: &str) -> Result<Option<Kept>, Error> {
        let stream = self.stream().await?;
        let subject = self.bus.prefixed(&subject(credential));
        let asked = timeout(
            READ_TIMEOUT,
            stream.get_last_raw_message_by_subject(&subject),
        );
        match asked.await {
            Ok(Ok(message)) => Ok(Some(Kept {
                number: message.sequence,
                message: message.payload,
            })),
            Ok(Err(error)) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Ok(Err(error)) => Err(failed(error)),
            Err(elapsed) => Err(failed(elapsed)),
        }
    }

    /// Forgets one message, and none that has come in its place.
    ///
    /// # Errors
    /// Fails when the leader does not confirm, or the message is gone.
    pub async fn forget(&self, number: u64) -> Result<(), Error> {
        let stream = self.stream().await?;
        match timeout(READ_TIMEOUT, stream.delete_message(number)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(error)),
            Err(elapsed) => Err(failed(elapsed)),
        }
    }

    /// Forgets what is kept of `credential`.
    ///
    /// # Errors
    /// Fails when the leader does not confirm.
    pub async fn purge(&self, credential: &str) -> Result<(), Error> {
        let stream = self.stream().await?;
        let subject = self.bus.prefixed(&subject(credential));
        match timeout(READ_TIMEOUT, stream.purge().filter(subject)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(error)),
            Err(elapsed) => Err(failed(elapsed)),
        }
    }

    async fn stream(&self) -> Result<Handle<()>, Error> {
        let name = self.bus.prefixed(Stream::VaultJournal.name());
        let handle = self.bus.jetstream().get_stream_no_info(name).await;
        handle.map_err(failed)
    }
}

fn subject(credential: &str) -> String {
    format!("journal.{credential}")
}

fn failed(source: impl Into<async_nats::Error>) -> Error {
    Error::Journal(source.into())
}
