//! The streams of the system (interfaces section 7).

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType};

use crate::{Bus, Error};

/// A stream, named without its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Facts, kept for those who come later.
    Events,
    /// Work, gone when done, and with the server: PostgreSQL knows what is due (ADR 0016).
    Jobs,
    /// The newest sealed answer of a provider, a second durable place beside PostgreSQL.
    VaultJournal,
    /// Jobs that nobody could finish.
    DeadLetters,
}

impl Stream {
    const ALL: [Self; 4] = [
        Self::Events,
        Self::Jobs,
        Self::VaultJournal,
        Self::DeadLetters,
    ];

    /// Returns the stream's name, without its prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "EVENTS",
            Self::Jobs => "JOBS",
            Self::VaultJournal => "VAULT_JOURNAL",
            Self::DeadLetters => "DLQ",
        }
    }

    /// Returns the config that is there with what the system needs; the rest is the operator's.
    fn config(self, bus: &Bus, existing: Option<Config>) -> Config {
        let storage = match (self, &existing) {
            (Self::Jobs, Some(existing)) => existing.storage,
            (Self::Jobs, None) => StorageType::Memory,
            _ => StorageType::File,
        };
        let subject = match self {
            Self::Events => "evt.>",
            Self::Jobs => "job.>",
            Self::VaultJournal => "journal.>",
            Self::DeadLetters => "dlq.>",
        };
        let config = Config {
            name: bus.prefixed(self.name()),
            subjects: vec![bus.prefixed(subject)],
            storage,
            retention: RetentionPolicy::Limits,
            ..existing.unwrap_or_default()
        };
        match self {
            // As long as backups are kept: a restored vault replays deletions from here.
            Self::Events => Config {
                max_age: Duration::from_hours(35 * 24),
                ..config
            },
            Self::Jobs => Config {
                retention: RetentionPolicy::WorkQueue,
                max_age: Duration::from_mins(10),
                ..config
            },
            Self::VaultJournal => Config {
                max_messages_per_subject: 1,
                ..config
            },
            Self::DeadLetters => config,
        }
    }
}

/// Creates the streams that are missing and brings the others up to date.
pub(crate) async fn prepare(bus: &Bus) -> Result<(), Error> {
    for stream in Stream::ALL {
        let name = bus.prefixed(stream.name());
        let existing = existing_config(bus, &name).await?;
        let retention = existing.as_ref().map(|existing| existing.retention);
        let config = stream.config(bus, existing);
        if retention.is_some_and(|retention| retention != config.retention) {
            return Err(Error::Incompatible {
                name,
                setting: "retention policy",
            });
        }
        bus.jetstream()
            .create_or_update_stream(config)
            .await
            .map_err(|error| Error::Stream {
                name,
                source: error.into(),
            })?;
    }
    Ok(())
}

/// Returns the configuration of a stream that there is. Only the server's word counts: a stream that
/// was taken for missing would lose what its operator has set.
async fn existing_config(bus: &Bus, name: &str) -> Result<Option<Config>, Error> {
    match bus.jetstream().get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(answer)
                if answer.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            _ => Err(Error::Stream {
                name: name.to_owned(),
                source: error.into(),
            }),
        },
    }
}
