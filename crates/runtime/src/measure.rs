//! One span, one measurement and one log line for every request, REST or gRPC.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header::CONTENT_TYPE};
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
/// The outcome of a request whose caller went away first.
const CANCELLED: &str = "cancelled";

#[derive(Clone)]
struct Instruments {
    http: Histogram<f64>,
    grpc: Histogram<f64>,
}

/// Wraps a router so that each request continues its caller's trace, is counted and timed until its
/// response head, and logged: route, not path, and nothing of query, headers or body.
///
/// `http.server.request.duration` and `rpc.server.call.duration` follow the OpenTelemetry
/// conventions; their counts are the numbers of requests.
pub(crate) fn measured(router: Router, meter: &Meter) -> Router {
    let histogram = |name, description| {
        meter
            .f64_histogram(name)
            .with_unit("s")
            .with_description(description)
            .with_boundaries(BUCKETS.to_vec())
            .build()
    };
    let instruments = Instruments {
        http: histogram(
            "http.server.request.duration",
            "Time from a request to its response head",
        ),
        grpc: histogram(
            "rpc.server.call.duration",
            "Time from a call to its response head",
        ),
    };
    router.layer(from_fn_with_state(instruments, measure))
}

async fn measure(State(instruments): State<Instruments>, request: Request, next: Next) -> Response {
    let mut call = Call::begin(instruments, &request);
    let response = next.run(request).instrument(call.span.clone()).await;
    call.answered(&response);
    response
}

/// A request being answered. Dropped unanswered, it counts as cancelled.
struct Call {
    instruments: Instruments,
    span: Span,
    start: Instant,
    rpc: bool,
    method: Method,
    route: String,
    outcome: Outcome,
    request_id: Option<String>,
}

struct Outcome {
    status: String,
    fault: bool,
}

impl Call {
    fn begin(instruments: Instruments, request: &Request) -> Self {
        let rpc = is_grpc(request.headers());
        let route = if rpc {
            request.uri().path().trim_start_matches('/').to_owned()
        } else {
            let matched = request.extensions().get::<MatchedPath>();
            matched.map_or(UNMATCHED, MatchedPath::as_str).to_owned()
        };
        let method = known(request.method());
        let name = if rpc {
            route.clone()
        } else {
            format!("{method} {route}")
        };
        let span = tracing::info_span!(
            "request",
            otel.name = name,
            otel.kind = "server",
            otel.status_code = Empty,
        );
        propagation::set_parent(&span, propagation::extract(request.headers()));
        Self {
            instruments,
            span,
            start: Instant::now(),
            rpc,
            method,
            route,
            outcome: Outcome {
                status: CANCELLED.to_owned(),
                fault: false,
            },
            request_id: None,
        }
    }

    fn answered(&mut self, response: &Response) {
        self.outcome = if self.rpc {
            let code = grpc_code(response.headers());
            if code == tonic::Code::Unimplemented {
                UNMATCHED.clone_into(&mut self.route);
            }
            Outcome {
                status: format!("{code:?}"),
                fault: is_fault(code),
            }
        } else {
            Outcome {
                status: response.status().as_str().to_owned(),
                fault: response.status().is_server_error(),
            }
        };
        let request_id = response.headers().get("x-request-id");
        self.request_id = request_id.and_then(|id| Some(id.to_str().ok()?.to_owned()));
    }

    fn record(&self, seconds: f64) {
        let status = self.outcome.status.clone();
        if self.rpc {
            let labels = [
                KeyValue::new("rpc.method", self.route.clone()),
                KeyValue::new("rpc.response.status_code", status),
            ];
            self.instruments.grpc.record(seconds, &labels);
        } else {
            let labels = [
                KeyValue::new("http.request.method", self.method.to_string()),
                KeyValue::new("http.route", self.route.clone()),
                KeyValue::new("http.response.status_code", status),
            ];
            self.instruments.http.record(seconds, &labels);
        }
    }

    fn log(&self, seconds: f64) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    method = %self.method,
                    route = self.route,
                    status = self.outcome.status,
                    duration_ms = seconds * 1_000.0,
                    request_id = self.request_id,
                    "answered a request"
                )
            };
        }
        let _in_span = self.span.enter();
        match (self.outcome.fault, self.rpc) {
            (true, _) => line!(warn),
            (false, false) => line!(info),
            // Behind every call stands a request or a job that is logged already.
            (false, true) => line!(debug),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let seconds = self.start.elapsed().as_secs_f64();
        if self.outcome.fault {
            self.span.record("otel.status_code", "ERROR");
        }
        self.record(seconds);
        self.log(seconds);
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// Returns a method that we may use as a label: callers can make up others.
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

/// Returns whether the code, unlike the others, is this side's fault.
fn is_fault(code: tonic::Code) -> bool {
    use tonic::Code::{DataLoss, DeadlineExceeded, Internal, Unavailable, Unknown};
    matches!(
        code,
        Unknown | DeadlineExceeded | Internal | Unavailable | DataLoss
    )
}
