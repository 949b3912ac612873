//! Headers: `CloudEvents` in binary mode (NATS binding, section 3.1) and W3C trace context.

use async_nats::HeaderMap;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use time::format_description::well_known::Rfc3339;
use workapi_telemetry::propagation::TRACEPARENT;

use crate::outbox::Entry;

/// What the NATS binding wants percent-encoded besides control and non-ASCII characters.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The header by which JetStream recognises a message that it has stored already.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// Makes the headers of an event.
pub(crate) fn for_event(entry: &Entry) -> HeaderMap {
    let (kind, source) = kind_and_source(&entry.subject);
    let id = entry.id.to_string();
    let time = entry.created_at.format(&Rfc3339).unwrap_or_default();
    let mut headers = HeaderMap::new();
    headers.insert(MESSAGE_ID, id.as_str());
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", id.as_str()),
        ("ce-source", source.as_str()),
        ("ce-type", kind.as_str()),
        ("ce-subject", entry.subject_id.as_str()),
        ("ce-time", time.as_str()),
        ("content-type", "application/protobuf"),
    ] {
        headers.insert(name, utf8_percent_encode(value, ESCAPED).to_string());
    }
    if let Some(traceparent) = &entry.traceparent {
        headers.insert(TRACEPARENT, traceparent.as_str());
    }
    headers
}

/// Makes the headers of a job.
pub(crate) fn for_job(id: &str, traceparent: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(MESSAGE_ID, id);
    if let Some(traceparent) = traceparent {
        headers.insert(TRACEPARENT, traceparent);
    }
    headers
}

/// Derives `ce-type` and `ce-source` from `evt.<service>.<entity>.<verb>.v<version>`.
fn kind_and_source(subject: &str) -> (String, String) {
    let mut tokens = subject.splitn(3, '.').skip(1);
    let source = tokens.next().unwrap_or_default();
    let kind = tokens.next().unwrap_or_default();
    (format!("workapi.{kind}"), format!("/workapi/{source}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_source_follow_from_the_subject() {
        let (kind, source) = kind_and_source("evt.integrations.user.created.v1");

        assert_eq!(kind, "workapi.user.created.v1");
        assert_eq!(source, "/workapi/integrations");
    }
}
