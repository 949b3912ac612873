//! The accept loop under REST and gRPC: limits, drain, and the end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use workapi_telemetry::Meter;

use crate::Shutdown;
use crate::measure::{Protocol, measured};

/// Largest request line and headers. Well above the 8 KB at which a token is refused with 401.
const MAX_HEADER_BYTES: u32 = 32 * 1024;
/// How long a client may take for the headers of a request, and stay idle before the next one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const MAX_CONNECTIONS: usize = 8192;
const MAX_CONCURRENT_STREAMS: u32 = 1024;
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

pub(crate) type ConnectionBuilder = auto::Builder<TokioExecutor>;

/// Serves REST over HTTP/1.1 and cleartext HTTP/2 until the shutdown drains.
///
/// Every request is traced, measured with `meter` and logged; handlers find the peer's address as
/// `ConnectInfo<SocketAddr>`. Draining: connections that are idle close at once, requests being
/// answered are finished, and cut only when tracked work has ended and they are still not done
/// three seconds later, or on [`Shutdown::stop`].
///
/// Requests that are not HTTP (400), or have over 32 KiB or 100 headers (431), are answered below
/// the router, without a body.
pub async fn serve_http(listener: TcpListener, router: Router, meter: &Meter, shutdown: &Shutdown) {
    let builder = connection_builder();
    let close = std::future::ready(());
    serve(
        listener,
        measured(router, Protocol::Rest, meter),
        builder,
        shutdown,
        close,
    )
    .await;
}

pub(crate) fn connection_builder() -> ConnectionBuilder {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_INTERVAL)
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES);
    builder
}

/// Accepts connections until the shutdown drains, runs `close`, and only then lets go of the
/// listener and of the connections.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    builder: ConnectionBuilder,
    shutdown: &Shutdown,
    close: impl Future<Output = ()>,
) {
    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.draining() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    let connection = Connection { stream, peer, router: router.clone() };
                    connections.spawn(connection.serve(builder.clone(), closing.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
        }
    }
    close.await;
    drop(listener);
    closing.cancel();
    let finished = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = finished => {}
        () = shutdown.cut_off() => {}
    }
}

struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
}

impl Connection {
    async fn serve(self, builder: ConnectionBuilder, closing: CancellationToken) {
        let Self {
            stream,
            peer,
            router,
        } = self;
        if let Err(error) = stream.set_nodelay(true) {
            return tracing::debug!(%error, "lost a connection before its first request");
        }
        let used = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&used);
        let service = service_fn(move |request| {
            seen.store(true, Ordering::Relaxed);
            answer(router.clone(), peer, request)
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut first_request = pin!(sleep(HEADER_TIMEOUT));
        let (mut draining, mut silent) = (false, true);
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    return;
                }
                () = closing.cancelled(), if !draining => {
                    draining = true;
                    connection.as_mut().graceful_shutdown();
                }
                // hyper's header timeout starts only after the HTTP version is known.
                () = &mut first_request, if silent => {
                    if !used.load(Ordering::Relaxed) {
                        return;
                    }
                    silent = false;
                }
            }
        }
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}
