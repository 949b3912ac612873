//! One span, one measurement and one log line for every request, REST or gRPC.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tracing::{Instrument, Span, field::Empty};
use workapi_telemetry::{Histogram, KeyValue, Meter, propagation};

/// Upper bounds of the duration buckets in seconds, as the OpenTelemetry conventions advise.
const BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
/// Stands for every path that no route matches, so that callers cannot make up labels.
const UNMATCHED: &str = "unmatched";
/// The status of a request whose caller went away before the answer.
const CANCELLED: &str = "cancelled";
const REQUEST_ID: &str = "x-request-id";

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Rest,
    Grpc,
}

/// Wraps a router so that each request continues its caller's trace, is counted and timed until its
/// response head, and logged: route, not path, and nothing of query, headers or body.
///
/// `http.server.request.duration` and `rpc.server.call.duration` follow the OpenTelemetry
/// conventions; their counts are the numbers of requests.
pub(crate) fn measured(router: Router, protocol: Protocol, meter: &Meter) -> Router {
    let name = match protocol {
        Protocol::Rest => "http.server.request.duration",
        Protocol::Grpc => "rpc.server.call.duration",
    };
    let duration = meter
        .f64_histogram(name)
        .with_unit("s")
        .with_description("Time from a request to its response head")
        .with_boundaries(BUCKETS.to_vec())
        .build();
    router.layer(from_fn_with_state((protocol, duration), measure))
}

async fn measure(
    State((protocol, duration)): State<(Protocol, Histogram<f64>)>,
    request: Request,
    next: Next,
) -> Response {
    let mut call = Call::begin(protocol, duration, &request);
    let response = next.run(request).instrument(call.span.clone()).await;
    call.answered(&response);
    response
}

/// A request being answered. Dropped unanswered, it counts as cancelled.
struct Call {
    protocol: Protocol,
    duration: Histogram<f64>,
    span: Span,
    start: Instant,
    method: Method,
    route: String,
    status: String,
    /// Whether the status, unlike the others, is this side's fault.
    fault: bool,
    request_id: Option<String>,
}

impl Call {
    fn begin(protocol: Protocol, duration: Histogram<f64>, request: &Request) -> Self {
        let method = known(request.method());
        let route = route(protocol, request);
        let name = match protocol {
            Protocol::Rest => format!("{method} {route}"),
            Protocol::Grpc => route.clone(),
        };
        let span = tracing::info_span!(
            "request",
            otel.name = name,
            otel.kind = "server",
            otel.status_code = Empty,
        );
        propagation::set_parent(&span, propagation::extract(request.headers()));
        Self {
            protocol,
            duration,
            span,
            start: Instant::now(),
            method,
            route,
            status: CANCELLED.to_owned(),
            fault: false,
            request_id: None,
        }
    }

    fn answered(&mut self, response: &Response) {
        match self.protocol {
            Protocol::Rest => {
                response.status().as_str().clone_into(&mut self.status);
                self.fault = response.status().is_server_error();
            }
            Protocol::Grpc => {
                let code = grpc_code(response.headers());
                if code == tonic::Code::Unimplemented {
                    UNMATCHED.clone_into(&mut self.route);
                }
                self.status = format!("{code:?}");
                self.fault = is_fault(code);
            }
        }
        let request_id = response.headers().get(REQUEST_ID);
        self.request_id = request_id.and_then(|id| Some(id.to_str().ok()?.to_owned()));
    }

    fn labels(&self) -> Vec<KeyValue> {
        let (route, status) = (self.route.clone(), self.status.clone());
        match self.protocol {
            Protocol::Rest => vec![
                KeyValue::new("http.request.method", self.method.to_string()),
                KeyValue::new("http.route", route),
                KeyValue::new("http.response.status_code", status),
            ],
            Protocol::Grpc => vec![
                KeyValue::new("rpc.method", route),
                KeyValue::new("rpc.response.status_code", status),
            ],
        }
    }

    fn log(&self, seconds: f64) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    method = %self.method,
                    route = self.route,
                    status = self.status,
                    duration_ms = (seconds * 1e6).round() / 1e3,
                    request_id = self.request_id,
                    "answered a request"
                )
            };
        }
        let _in_span = self.span.enter();
        match self.protocol {
            _ if self.fault => line!(warn),
            Protocol::Rest => line!(info),
            // Behind every call stands a request or a job that is logged already.
            Protocol::Grpc => line!(debug),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let seconds = self.start.elapsed().as_secs_f64();
        if self.fault {
            self.span.record("otel.status_code", "ERROR");
        }
        self.duration.record(seconds, &self.labels());
        self.log(seconds);
    }
}

/// Returns the route's pattern, or for gRPC `package.Service/Method`.
fn route(protocol: Protocol, request: &Request) -> String {
    match (protocol, request.extensions().get::<MatchedPath>()) {
        (_, None) => UNMATCHED.to_owned(),
        (Protocol::Rest, Some(pattern)) => pattern.as_str().to_owned(),
        // The pattern names the service alone.
        (Protocol::Grpc, Some(_)) => request.uri().path().trim_start_matches('/').to_owned(),
    }
}

/// Returns a method that can be a label: callers can make up others.
fn known(method: &Method) -> Method {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::HEAD,
        Method::OPTIONS,
    ];
    if KNOWN.contains(method) {
        method.clone()
    } else {
        Method::from_bytes(b"_OTHER").unwrap_or_default()
    }
}

/// Returns the status of a call that failed before its first message. A later failure of a
/// streaming call is in its trailers and counts as OK here.
fn grpc_code(headers: &HeaderMap) -> tonic::Code {
    match headers.get(tonic::Status::GRPC_STATUS) {
        Some(code) => tonic::Code::from_bytes(code.as_bytes()),
        None => tonic::Code::Ok,
    }
}

fn is_fault(code: tonic::Code) -> bool {
    use tonic::Code::{DataLoss, DeadlineExceeded, Internal, Unavailable, Unknown};
    matches!(
        code,
        Unknown | DeadlineExceeded | Internal | Unavailable | DataLoss
    )
}
