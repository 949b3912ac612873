//! One trace from REST through gRPC.

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use tonic::Request;
use workapi_runtime::{Grpc, Shutdown, channel};
use workapi_telemetry::testing;

use crate::client;
use crate::echo::{Echo, say};
use crate::server::Server;

/// A REST server that answers with the `traceparent` that its gRPC backend sees.
async fn chain() -> (Server, Server) {
    let backend = Server::grpc(Grpc::new().add_service(Echo)).await;
    let echo = channel(&backend.url(), "echo").unwrap();
    let handler = async move || {
        let request = Request::new("trace".to_owned());
        say(echo, request).await.unwrap_or_default()
    };
    let router = Router::new().route("/trace/{id}", get(handler));
    let front = Server::http(router, Shutdown::new()).await;
    (front, backend)
}

fn trace_id(answer: &str) -> String {
    let traceparent = answer.lines().last().unwrap();
    traceparent.split('-').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn a_callers_trace_reaches_the_grpc_handler() {
    let recorder = testing::record();
    let (front, _backend) = chain().await;
    let remote = "4bf92f3577b34da6a3ce929d0e0e4736";
    let header = format!("traceparent: 00-{remote}-00f067aa0ba902b7-01\r\n");

    let answer = client::get(front.addr, "/trace/7?code=secret", &header).await;

    assert_eq!(trace_id(&answer), remote);
    let [backend_span, front_span] = &recorder.spans(remote)[..] else {
        panic!("not two spans: {:?}", recorder.spans(remote));
    };
    assert_eq!(front_span.name, "GET /trace/{id}");
    assert_eq!(front_span.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert_eq!(backend_span.name, "test.Echo/Say");
    assert_eq!(
        backend_span.parent_span_id,
        front_span.span_context.span_id()
    );
}

#[tokio::test]
async fn a_malformed_traceparent_begins_a_new_trace() {
    let recorder = testing::record();
    let (front, _backend) = chain().await;

    let answer = client::get(front.addr, "/trace/7", "traceparent: 00-zz-zz-01\r\n").await;

    assert_eq!(recorder.spans(&trace_id(&answer)).len(), 2);
}

#[tokio::test]
async fn one_line_is_logged_for_every_request_without_its_query() {
    let recorder = testing::record();
    let (front, _backend) = chain().await;

    let answer = client::get(front.addr, "/trace/7?code=secret", "").await;

    let trace_id = trace_id(&answer);
    let logs = recorder.logs();
    let lines: Vec<Value> = logs
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["trace_id"] == *trace_id && !line["status"].is_null())
        .collect();
    let said: Vec<_> = lines
        .iter()
        .map(|line| (&line["level"], &line["route"], &line["status"]))
        .collect();
    let words = ["DEBUG", "test.Echo/Say", "Ok", "INFO", "/trace/{id}", "200"].map(Value::from);
    assert_eq!(
        said,
        [
            (&words[0], &words[1], &words[2]),
            (&words[3], &words[4], &words[5]),
        ]
    );
    assert!(!logs.contains("secret"));
}
