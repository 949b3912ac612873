//! The port for operators: metrics, liveness and readiness.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use workapi_telemetry::Metrics;

use crate::{Health, Shutdown};

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Operations {
    metrics: Metrics,
    health: Health,
    shutdown: Shutdown,
}

/// Serves `/metrics`, `/livez` and `/readyz` until [`Shutdown::stop`], so that a drain can be
/// watched.
///
/// `/livez` answers 200 as long as the process can answer at all. `/readyz` answers 200 or 503 with
/// a [`Report`](crate::Report); from the begin of a drain it is 503.
pub async fn serve_metrics(
    listener: TcpListener,
    metrics: Metrics,
    health: Health,
    shutdown: Shutdown,
) {
    let stopped = shutdown.clone();
    let router = Router::new()
        .route("/metrics", get(render))
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(report))
        .with_state(Operations {
            metrics,
            health,
            shutdown,
        });
    tokio::select! {
        // Never ends: accept errors are waited out.
        _ = axum::serve(listener, router) => {}
        () = stopped.stopped() => {}
    }
}

async fn render(State(operations): State<Operations>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT_FORMAT)], operations.metrics.render())
}

async fn report(State(operations): State<Operations>) -> impl IntoResponse {
    let mut report = operations.health.report().await;
    if operations.shutdown.is_draining() {
        report.ready = false;
        report
            .failures
            .insert("shutdown".to_owned(), "draining".to_owned());
    }
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report))
}
