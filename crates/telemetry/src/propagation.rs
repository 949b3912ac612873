//! Carries a trace across process borders as W3C Trace Context.
//!
//! Over HTTP and gRPC whole headers are injected and extracted ([`inject`], [`extract`]; a
//! `tonic::metadata::MetadataMap` gives its `HeaderMap` through `as_ref` and `as_mut`). An outbox
//! row and a NATS message keep the `traceparent` alone, as a string ([`current_traceparent`],
//! [`context_from_traceparent`]), under the key [`TRACEPARENT`]: async-nats looks headers up by
//! exact case.
//!
//! Whatever cannot be parsed is dropped, `tracestate` with it, and a new trace begins.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Name of the header, metadata key or column that carries the trace, in lower case.
pub const TRACEPARENT: &str = "traceparent";

/// Writes the current span's context into the headers of an outgoing request.
///
/// Does nothing outside a span.
pub fn inject(headers: &mut HeaderMap) {
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut HeaderWriter(headers));
}

/// Returns the remote context in the headers of an incoming request, empty when there is none.
pub fn extract(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderReader(headers))
}

/// Returns the current span's `traceparent`, `None` outside a span.
pub fn current_traceparent() -> Option<String> {
    let mut headers = HeaderMap::new();
    inject(&mut headers);
    let value = headers.get(TRACEPARENT)?.to_str().ok()?;
    Some(value.to_owned())
}

/// Returns the remote context that a stored `traceparent` names, empty when it is malformed.
pub fn context_from_traceparent(traceparent: &str) -> Context {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(traceparent) {
        headers.insert(TRACEPARENT, value);
    }
    extract(&headers)
}

/// Makes a span that was just created, and not yet entered, the child of a remote one.
///
/// With an empty context the span begins a new trace.
pub fn set_parent(span: &Span, parent: Context) {
    // Fails only for a span that nobody records, whose parent does not matter.
    let _ = span.set_parent(parent);
}

struct HeaderReader<'a>(&'a HeaderMap);

impl Extractor for HeaderReader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeaderWriter<'a>(&'a mut HeaderMap);

impl Injector for HeaderWriter<'_> {
    fn set(&mut self, key: &str, value: String) {
        let Ok(name) = HeaderName::try_from(key) else {
            return;
        };
        match HeaderValue::try_from(value) {
            // The propagator writes an empty `tracestate` where there is none.
            Ok(value) if !value.is_empty() => self.0.insert(name, value),
            _ => self.0.remove(name),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use opentelemetry::trace::TraceContextExt;

    const REMOTE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_span_with_a_remote_parent_continues_its_trace() {
        testing::record();
        let span = tracing::info_span!("consume");

        set_parent(&span, context_from_traceparent(REMOTE));

        let traceparent = span.in_scope(current_traceparent).unwrap();
        assert!(traceparent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
        assert_ne!(traceparent, REMOTE);
    }

    #[test]
    fn a_malformed_traceparent_begins_a_new_trace() {
        testing::record();
        for malformed in ["", "00-0-0-0", "nonsense\n", &REMOTE.to_uppercase()] {
            let span = tracing::info_span!("consume");

            set_parent(&span, context_from_traceparent(malformed));

            let traceparent = span.in_scope(current_traceparent).unwrap();
            assert!(!traceparent.contains("0af7651916cd43dd"), "{malformed}");
        }
    }

    #[test]
    fn headers_carry_the_trace_and_no_empty_tracestate() {
        testing::record();
        let span = tracing::info_span!("call");
        let mut headers = HeaderMap::new();

        span.in_scope(|| inject(&mut headers));

        let extracted = extract(&headers);
        assert_eq!(
            extracted.span().span_context().trace_id(),
            span.context().span().span_context().trace_id(),
        );
        assert!(!headers.contains_key("tracestate"));
    }

    #[test]
    fn outside_a_span_there_is_nothing_to_carry() {
        testing::record();

        let traceparent = current_traceparent();

        assert_eq!(traceparent, None);
    }
}
