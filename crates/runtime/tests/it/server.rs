//! Servers on free ports.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use workapi_runtime::{Grpc, Shutdown, serve_http};
use workapi_telemetry::Metrics;

/// A server that runs until its shutdown drains.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) metrics: Metrics,
    pub(crate) ended: JoinHandle<()>,
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) async fn http(router: Router, shutdown: Shutdown) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let metrics = Metrics::new();
        let meter = metrics.meter("test");
        let until = shutdown.clone();
        let ended = tokio::spawn(async move { serve_http(listener, router, &meter, &until).await });
        Self {
            addr,
            shutdown,
            metrics,
            ended,
        }
    }

    pub(crate) async fn grpc(grpc: Grpc) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
        let meter = metrics.meter("test");
        let until = shutdown.clone();
        let ended = tokio::spawn(async move { grpc.serve(listener, &meter, &until).await });
        Self {
            addr,
            shutdown,
            metrics,
            ended,
        }
    }
}
