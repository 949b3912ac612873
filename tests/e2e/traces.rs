//! One trace through REST, gRPC, NATS and the call to the provider; and the metrics.

use reqwest::RequestBuilder;
use workapi_telemetry::testing::{Recorder, record};
use workapi_testkit::eventually;
use workapi_tests::Stack;

const ANN: &str = "ann@example.test";

/// A trace that a caller of the API has begun.
struct Trace {
    id: String,
    recorder: &'static Recorder,
}

impl Trace {
    fn begin() -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let recorder = record();
        Self { id, recorder }
    }

    /// Sends a request as a part of the trace, and returns its status.
    async fn send(&self, request: RequestBuilder) -> u16 {
        let traceparent = format!("00-{}-b7ad6b7169203331-01", self.id);
        let answer = request.header("traceparent", traceparent).send().await;
        answer.unwrap().status().as_u16()
    }

    /// Waits for a span of this name to end, and returns its name and those of all spans above
    /// it, up to the one that the caller's request made.
    async fn way_to(&self, name: &str) -> Vec<String> {
        eventually(&format!("the way to the span {name}"), || async {
            let spans = self.recorder.spans(&self.id);
            let mut way = Vec::new();
            let mut span = spans.iter().find(|span| span.name == name)?;
            loop {
                way.push(span.name.to_string());
                if span.parent_span_is_remote
                    && span.parent_span_id.to_string() == "b7ad6b7169203331"
                {
                    return Some(way);
                }
                let parent = span.parent_span_id;
                span = spans
                    .iter()
                    .find(|span| span.span_context.span_id() == parent)?;
            }
        })
        .await
    }
}

#[tokio::test]
async fn one_trace_leads_from_a_deletion_to_the_revocation_at_the_provider() {
    let trace = Trace::begin();
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;

    let path = format!("/integrations/{id}");
    let request = user.browser().request("DELETE", &path);
    assert_eq!(trace.send(request.bearer_auth(&user.token)).await, 204);

    let way = trace.way_to("oauth.revoke").await;
    let expected = [
        "oauth.revoke",
        // The job on JetStream, and before it the event.
        "consume",
        "consume",
        "workapi.integrations.v1.Integrations/DeleteIntegration",
        "DELETE /integrations/{id}",
    ];
    assert_eq!(way, expected);
}

#[tokio::test]
async fn one_trace_leads_from_a_callback_to_the_exchange_and_the_event() {
    let trace = Trace::begin();
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let callback = user.consent(&id, ANN).await;

    let path = callback.trim_start_matches("http://gateway.test");
    let request = user.browser().request("GET", path);
    assert_eq!(trace.send(request).await, 303);

    let callback = [
        "workapi.auth.v1.Authorization/CompleteAuthorization",
        "GET /auth/callback",
    ];
    for name in [
        "oauth.exchange_code",
        "oauth.account",
        "workapi.integrations.v1.Directory/RecordProviderId",
    ] {
        assert_eq!(trace.way_to(name).await, [&[name], &callback[..]].concat());
    }
    let event = stack.event("evt.auth.credential.connected.v1", &id).await;
    assert!(event.headers["traceparent"].contains(&trace.id));
}

#[tokio::test]
async fn a_refresh_is_a_trace_of_its_own_from_the_job_to_the_event() {
    let recorder = record();
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;

    stack.make_due(&id).await;
    let event = stack.event("evt.auth.credential.refreshed.v1", &id).await;

    let trace_id = event.headers["traceparent"].split('-').nth(1).unwrap();
    eventually("the end of the job", || async {
        let spans = recorder.spans(trace_id);
        let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
        (names == ["oauth.refresh", "consume"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn requests_calls_rotations_and_revocations_are_counted() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    stack.make_due(&id).await;
    stack.at_rest(2).await;
    user.delete(&id).await;
    stack.credential_in(&id, "revoked").await;

    let counted = |series: &str, labels: &[&str]| {
        let rendered = stack.metrics().render();
        let mut lines = rendered.lines().filter(|line| line.starts_with(series));
        lines
            .find(|line| labels.iter().all(|label| line.contains(label)))
            .and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
    };
    for (series, labels) in [
        (
            "http_server_request_duration_seconds_count",
            [r#"http_route="/integrations/{id}""#, r#"status_code="204""#],
        ),
        (
            "rpc_server_call_duration_seconds_count",
            [
                r#"rpc_method="workapi.auth.v1.Authorization/CompleteAuthorization""#,
                r#""Ok""#,
            ],
        ),
        (
            "workapi_rotations_total",
            [r#"provider="sandbox""#, r#"outcome="refreshed""#],
        ),
        (
            "workapi_revocations_total",
            [r#"provider="sandbox""#, r#"outcome="done""#],
        ),
    ] {
        let count = eventually(series, || async { counted(series, &labels) }).await;
        assert!(
            (count - 1.0).abs() < f64::EPSILON,
            "{series} {labels:?}: {count}"
        );
    }
    assert!(!stack.metrics().render().contains(&id));
}
