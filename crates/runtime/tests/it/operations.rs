//! The port for operators.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use workapi_runtime::{Health, Shutdown, serve_metrics};
use workapi_telemetry::Metrics;

use crate::client;

struct Operations {
    addr: SocketAddr,
    metrics: Metrics,
    health: Health,
    shutdown: Shutdown,
    ended: JoinHandle<()>,
}

async fn operations() -> Operations {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (metrics, health, shutdown) = (Metrics::new(), Health::new(), Shutdown::new());
    let ended = tokio::spawn(serve_metrics(
        listener,
        metrics.clone(),
        health.clone(),
        shutdown.clone(),
    ));
    Operations {
        addr,
        metrics,
        health,
        shutdown,
        ended,
    }
}

async fn get(operations: &Operations, path: &str) -> (u16, String) {
    let answer = client::get(operations.addr, path, "").await;
    let status = answer[9..12].parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

async fn readiness(operations: &Operations) -> (u16, Value) {
    let (status, body) = get(operations, "/readyz").await;
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn readiness_follows_the_dependencies_and_liveness_does_not() {
    let operations = operations().await;
    let up = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&up);
    operations.health.add_check("postgres", move || {
        let up = state.load(Ordering::Relaxed);
        async move { up.then_some(()).ok_or("connection refused".to_owned()) }
    });

    let ready = readiness(&operations).await;
    up.store(false, Ordering::Relaxed);
    let unready = readiness(&operations).await;
    let alive = get(&operations, "/livez").await;
    up.store(true, Ordering::Relaxed);
    let ready_again = readiness(&operations).await;

    let nothing_fails = (200, json!({"ready": true, "failures": {}}));
    assert_eq!(ready, nothing_fails);
    let failure = json!({"ready": false, "failures": {"postgres": "connection refused"}});
    assert_eq!(unready, (503, failure));
    assert_eq!(alive, (200, "ok\n".to_owned()));
    assert_eq!(ready_again, nothing_fails);
}

#[tokio::test]
async fn a_drain_is_visible_until_the_stop() {
    let operations = operations().await;
    let service = operations.health.add_service("gateway");
    service.serving();

    operations.shutdown.drain();
    let draining = readiness(&operations).await;
    let alive = get(&operations, "/livez").await;
    operations.shutdown.stop();

    let failure = json!({"ready": false, "failures": {"shutdown": "draining"}});
    assert_eq!(draining, (503, failure));
    assert_eq!(alive.0, 200);
    operations.ended.await.unwrap();
}

#[tokio::test]
async fn metrics_are_rendered_as_text() {
    let operations = operations().await;
    let counter = operations
        .metrics
        .meter("auth")
        .u64_counter("exchanges")
        .build();
    counter.add(1, &[]);

    let (status, body) = get(&operations, "/metrics").await;

    assert_eq!(status, 200);
    assert!(
        body.contains("exchanges_total{otel_scope_name=\"auth\"} 1"),
        "{body}"
    );
}
