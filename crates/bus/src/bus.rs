//! The connection to NATS.

use std::time::Duration;

use async_nats::jetstream;
use bytes::Bytes;
use futures::future::try_join_all;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use crate::headers;
use crate::streams;

/// How long a service that starts waits for a server that starts beside it.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// How long JetStream may take to acknowledge that a message is stored.
const ACK_TIMEOUT: Duration = Duration::from_secs(3);

/// How to reach NATS.
#[derive(Clone, Debug)]
pub struct Config {
    /// `nats://[user:password@]host:port`, or `tls://…`; several with commas between.
    pub url: SecretString,
    /// What is put before every stream, subject and durable: letters, digits, `_` and `-`.
    pub prefix: String,
    /// What the server's own views call this program.
    pub name: &'static str,
}

/// A failure of the bus.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL or the prefix is malformed.
    #[error("{0}")]
    Invalid(&'static str),
    /// The server did not accept a connection.
    #[error("failed to connect to NATS at {server}")]
    Connect {
        /// Host and port, without credentials.
        server: String,
        /// The client's error.
        source: async_nats::ConnectError,
    },
    /// The server did not answer a connection attempt in time.
    #[error("NATS at {server} did not answer within {} s", START_PATIENCE.as_secs())]
    ConnectTimeout {
        /// Host and port, without credentials.
        server: String,
    },
    /// A stream could not be made ready.
    #[error("failed to prepare the stream {name}")]
    Stream {
        /// The stream, with its prefix.
        name: String,
        /// The client's error.
        source: async_nats::Error,
    },
    /// The state of a stream could not be read.
    #[error("failed to read the state of the stream {name}")]
    Inspect {
        /// The stream, with its prefix.
        name: String,
        /// The client's error.
        source: async_nats::Error,
    },
    /// A stream or consumer exists with settings that can't be changed.
    #[error(
        "{name} exists with another {setting}; delete it, or choose another WORK_API_NATS_PREFIX"
    )]
    Incompatible {
        /// The stream or consumer, with its prefix.
        name: String,
        /// Which setting differs.
        setting: &'static str,
    },
    /// The leader of the journal's stream did not answer.
    #[error("failed to reach the journal")]
    Journal(#[source] async_nats::Error),
    /// A subject of core NATS could not be subscribed to.
    #[error("failed to subscribe to {subject}")]
    Subscribe {
        /// The subject, without its prefix.
        subject: &'static str,
        /// The client's error.
        source: async_nats::SubscribeError,
    },
    /// The dead letters could not be read or removed.
    #[error("failed to reach the dead letters")]
    DeadLetters {
        /// The client's error.
        source: async_nats::Error,
    },
    /// What a stream has kept could not be read.
    #[error("failed to read what the stream {name} has kept")]
    Replay {
        /// The stream, with its prefix.
        name: String,
        /// The client's error.
        source: async_nats::Error,
    },
    /// The watermark in the journal is nothing that this program writes.
    #[error("the journal holds an invalid watermark: purge the subject journal.watermark")]
    Watermark,
    /// JetStream did not confirm that a message is stored.
    #[error("failed to publish to {subject}")]
    Publish {
        /// The subject, without its prefix.
        subject: String,
        /// The client's error.
        source: async_nats::jetstream::context::PublishError,
    },
}

/// A message on its way to a stream.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) subject: String,
    pub(crate) headers: async_nats::HeaderMap,
    pub(crate) payload: Bytes,
}

/// A connection to NATS with JetStream. Clones share it; it reconnects by itself.
#[derive(Clone, Debug)]
pub struct Bus {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    prefix: String,
}

impl Bus {
    /// Connects, waiting for a server that is still starting, and makes the streams ready.
    ///
    /// # Errors
    /// Fails when the configuration is malformed, the server does not answer within
    /// 20 seconds, or a stream exists with incompatible settings.
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        let prefix_is_valid = config
            .prefix
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !prefix_is_valid {
            return Err(Error::Invalid(
                "the NATS prefix may only hold letters, digits, _ and -",
            ));
        }
        let client = connect(config).await?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(ACK_TIMEOUT);
        let bus = Self {
            client,
            jetstream,
            prefix: config.prefix.clone(),
        };
        streams::prepare(&bus).await?;
        Ok(bus)
    }

    /// Returns the client, for core NATS.
    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// Returns the JetStream context.
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    /// Returns a stream, subject or durable under this bus's prefix.
    pub fn prefixed(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Returns whether the connection stands right now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Tells whether the connection stands, as a readiness check.
    ///
    /// # Errors
    /// Says what an operator should know.
    #[expect(clippy::unused_async, reason = "every readiness check is a future")]
    pub async fn check(self) -> Result<(), String> {
        if self.is_connected() {
            Ok(())
        } else {
            Err("NATS is not connected".to_owned())
        }
    }

    /// Publishes a job and waits until it is stored. JetStream drops a job whose `id` it has
    /// seen within its duplicate window.
    ///
    /// # Errors
    /// Fails when the server does not confirm within 3 seconds; the job may be stored or not.
    pub async fn publish_job(
        &self,
        subject: &str,
        id: &str,
        job: &impl prost::Message,
        traceparent: Option<&str>,
    ) -> Result<(), Error> {
        let message = Outgoing {
            subject: subject.to_owned(),
            headers: headers::for_job(id, traceparent),
            payload: job.encode_to_vec().into(),
        };
        self.publish_all(vec![message]).await
    }

    /// Publishes messages in their order and waits until every one is stored.
    pub(crate) async fn publish_all(&self, messages: Vec<Outgoing>) -> Result<(), Error> {
        let mut acknowledgements = Vec::with_capacity(messages.len());
        for message in messages {
            let subject = self.prefixed(&message.subject);
            let publish = |source| Error::Publish {
                subject: message.subject,
                source,
            };
            let sent = self
                .jetstream
                .publish_with_headers(subject, message.headers, message.payload)
                .await;
            acknowledgements.push(async move {
                match sent {
                    Ok(acknowledgement) => acknowledgement.await.map(drop).map_err(publish),
                    Err(error) => Err(publish(error)),
                }
            });
        }
        try_join_all(acknowledgements).await.map(drop)
    }
}

async fn connect(config: &Config) -> Result<async_nats::Client, Error> {
    let addresses = addresses(config.url.expose_secret())?;
    let server = addresses
        .iter()
        .map(|address| format!("{}:{}", address.host(), address.port()))
        .collect::<Vec<_>>()
        .join(", ");
    // The client's own patience with a first connection has no end, so it is bounded here.
    let attempt = async {
        loop {
            let mut options = async_nats::ConnectOptions::new().name(config.name);
            if let Some((user, password)) = credentials(&addresses) {
                options = options.user_and_password(user, password);
            }
            match options.connect(&addresses).await {
                Err(error) if error.kind() == async_nats::ConnectErrorKind::Io => {
                    tracing::debug!(%server, "waiting for NATS");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                result => return result,
            }
        }
    };
    match tokio::time::timeout(START_PATIENCE, attempt).await {
        Ok(result) => result.map_err(|source| Error::Connect { server, source }),
        Err(_) => Err(Error::ConnectTimeout { server }),
    }
}

/// Returns the user of the first address that names one: the client looks only at its options.
fn credentials(addresses: &[async_nats::ServerAddr]) -> Option<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    addresses.iter().find_map(|address| {
        let password = address.password().unwrap_or_default();
        Some((decoded(address.username()?), decoded(password)))
    })
}

fn addresses(urls: &str) -> Result<Vec<async_nats::ServerAddr>, Error> {
    let invalid = |_| {
        Error::Invalid(
            "the NATS URL is not valid; expected nats://host:port, or several with commas between",
        )
    };
    urls.split(',')
        .map(|url| url.trim().parse().map_err(invalid))
        .collect()
}
