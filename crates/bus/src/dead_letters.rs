//! The dead letters: jobs that nobody could finish, to be looked at and taken away by operators.

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream as JetStream};
use bytes::Bytes;
use time::OffsetDateTime;

use crate::{Bus, Error, Stream};

/// The header with the subject that a dead letter had when it was alive.
pub(crate) const SUBJECT: &str = "workapi-subject";

/// A message that was taken out of circulation.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Its place in the stream.
    pub sequence: u64,
    /// What it was for: the last token of its subject, `dlq.<kind>`.
    pub kind: String,
    /// The subject that it had when it was alive, without prefix.
    pub subject: String,
    /// The encoded protobuf message.
    pub payload: Bytes,
    /// When it was taken out of circulation.
    pub buried_at: OffsetDateTime,
}

impl DeadLetter {
    /// Decodes the payload.
    ///
    /// # Errors
    /// Fails when the payload is not such a message.
    pub fn decode<M: prost::Message + Default>(&self) -> Result<M, prost::DecodeError> {
        M::decode(self.payload.clone())
    }
}

impl Bus {
    /// Returns up to `limit` dead letters with a greater sequence than `after`, the oldest first.
    ///
    /// # Errors
    /// Fails when the server does not answer within 3 seconds.
    pub async fn dead_letters(&self, after: u64, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        let stream = self.dead_letter_stream().await?;
        let every_kind = self.prefixed("dlq.>");
        let mut letters: Vec<DeadLetter> = Vec::new();
        while letters.len() < limit {
            let last = letters.last().map_or(after, |letter| letter.sequence);
            let next = stream
                .get_first_raw_message_by_subject(&every_kind, last.saturating_add(1))
                .await;
            match next {
                Ok(message) => letters.push(self.open_dead_letter(message)),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => break,
                Err(error) => return Err(unreadable(error)),
            }
        }
        Ok(letters)
    }

    /// Returns the dead letter of a sequence, if it is (still) there.
    ///
    /// # Errors
    /// Fails when the server does not answer within 3 seconds.
    pub async fn dead_letter(&self, sequence: u64) -> Result<Option<DeadLetter>, Error> {
        let stream = self.dead_letter_stream().await?;
        match stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(self.open_dead_letter(message))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// Removes a dead letter for good; returns whether it was there.
    ///
    /// # Errors
    /// Fails when the server does not confirm within 3 seconds; it may be removed or not.
    pub async fn remove_dead_letter(&self, sequence: u64) -> Result<bool, Error> {
        let stream = self.dead_letter_stream().await?;
        let Err(error) = stream.delete_message(sequence).await else {
            return Ok(true);
        };
        // The server has several ways to say that there is none.
        if self.dead_letter(sequence).await?.is_some() {
            return Err(unreadable(error));
        }
        Ok(false)
    }

    async fn dead_letter_stream(&self) -> Result<JetStream<()>, Error> {
        let name = self.prefixed(Stream::DeadLetters.name());
        let stream = self.jetstream().get_stream_no_info(name).await;
        stream.map_err(unreadable)
    }

    fn open_dead_letter(&self, message: StreamMessage) -> DeadLetter {
        let unprefixed = |subject: &str| {
            let prefix = self.prefixed("");
            subject.strip_prefix(&prefix).unwrap_or(subject).to_owned()
        };
        let kind = message.subject.rsplit('.').next().unwrap_or_default();
        let subject = message.headers.get(SUBJECT);
        DeadLetter {
            sequence: message.sequence,
            kind: kind.to_owned(),
            subject: subject.map_or_else(String::new, |subject| unprefixed(subject.as_str())),
            buried_at: message.time,
            payload: message.payload,
        }
    }
}

fn unreadable(error: impl Into<async_nats::Error>) -> Error {
    Error::DeadLetters {
        source: error.into(),
    }
}
