//! What a stack has published.

use std::collections::BTreeMap;

use async_nats::jetstream::stream::LastRawMessageErrorKind;
use workapi_bus::Stream;
use workapi_testkit::eventually;

use crate::Stack;

/// A message in a stream.
#[derive(Clone, Debug)]
pub struct Message {
    /// The subject, without the stack's prefix.
    pub subject: String,
    /// The headers, in lower case.
    pub headers: BTreeMap<String, String>,
    /// The encoded protobuf message.
    pub payload: Vec<u8>,
}

impl Message {
    /// Decodes the payload.
    ///
    /// # Panics
    /// When the payload is not such a message.
    pub fn decode<M: prost::Message + Default>(&self) -> M {
        M::decode(self.payload.as_slice()).expect("the payload is such a message")
    }
}

impl Stack {
    /// Returns what a stream holds, in the order in which it was published.
    ///
    /// # Panics
    /// When NATS does not answer.
    pub async fn messages(&self, stream: Stream) -> Vec<Message> {
        let bus = self.bus();
        let mut stream = bus
            .jetstream()
            .get_stream(bus.prefixed(stream.name()))
            .await
            .expect("the stream exists");
        let state = stream.info().await.expect("NATS answers").state.clone();
        let mut messages = Vec::new();
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            match stream.get_raw_message(sequence).await {
                Ok(message) => messages.push(Message {
                    subject: message.subject[bus.prefixed("").len()..].to_owned(),
                    headers: lower_case(&message.headers),
                    payload: message.payload.to_vec(),
                }),
                // Done, and gone from its work queue.
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {}
                Err(error) => panic!("NATS does not answer: {error}"),
            }
        }
        messages
    }

    /// Waits for an event of a subject about an integration or user, and returns the first.
    pub async fn event(&self, subject: &str, about: &str) -> Message {
        eventually(&format!("the event {subject}"), || async {
            let events = self.messages(Stream::Events).await;
            let is_it = |event: &Message| {
                let told = event.headers.get("ce-subject");
                event.subject == subject && told.is_some_and(|told| told == about)
            };
            events.into_iter().find(is_it)
        })
        .await
    }
}

fn lower_case(headers: &async_nats::HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter_map(|(name, values)| Some((name, values.first()?)))
        .map(|(name, value)| (name.to_string().to_lowercase(), value.to_string()))
        .collect()
}
