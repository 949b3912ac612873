//! The journal: the newest message of each credential, kept beside PostgreSQL (refresh protocol,
//! section 6).

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream as Handle};
use bytes::Bytes;
use tokio::time::timeout;

use crate::bus::Outgoing;
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

impl Journal {
    /// Makes a journal on `bus`, whose streams are ready.
    pub fn new(bus: Bus) -> Self {
        Self { bus }
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Keeps `message` in the place of what was kept of `credential`, and waits until it is stored.
    ///
    /// # Errors
    /// Fails when JetStream does not confirm within 3 seconds; it may be stored or not.
    pub async fn put(&self, credential: &str, message: Vec<u8>) -> Result<(), Error> {
        let message = Outgoing {
            subject: subject(credential),
            headers: HeaderMap::new(),
            payload: Bytes::from(message),
        };
        self.bus.publish_all(vec![message]).await
    }

    /// Writes a message that nobody reads, to see that the journal takes writes.
    ///
    /// # Errors
    /// Fails when it takes none.
    pub async fn probe(&self) -> Result<(), Error> {
        self.put(PROBE, Vec::new()).await
    }

    /// Returns what is kept of `credential`, as the stream's leader has it: a replica may not have
    /// heard of the newest message yet.
    ///
    /// # Errors
    /// Fails when the leader does not answer; nothing is known then.
    pub async fn last(&self, credential: &str) -> Result<Option<Bytes>, Error> {
        let stream = self.stream().await?;
        let subject = self.bus.prefixed(&subject(credential));
        let asked = timeout(
            READ_TIMEOUT,
            stream.get_last_raw_message_by_subject(&subject),
        )
        .await;
        match asked {
            Ok(Ok(message)) => Ok(Some(message.payload)),
            Ok(Err(error)) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
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
