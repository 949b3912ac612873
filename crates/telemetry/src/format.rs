//! The layout of a log line.

use std::fmt;

use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Writer},
    },
    registry::LookupSpan,
};

/// JSON, one object a line, with the `trace_id` and `span_id` of the span that the event is in.
pub(crate) struct JsonWithTraceId(format::Format<format::Json>);

impl JsonWithTraceId {
    pub(crate) fn new() -> Self {
        let format = format::format()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true);
        Self(format)
    }
}

impl<S, N> FormatEvent<S, N> for JsonWithTraceId
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        let current = opentelemetry::Context::current();
        let span = current.span().span_context().clone();
        match line.trim_end().strip_suffix('}') {
            Some(open) if span.is_valid() => writeln!(
                writer,
                r#"{open},"trace_id":"{}","span_id":"{}"}}"#,
                span.trace_id(),
                span.span_id(),
            ),
            _ => writer.write_str(&line),
        }
    }
}
