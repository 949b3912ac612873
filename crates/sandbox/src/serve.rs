//! Connections: accepting them, draining them, and cutting them on demand.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::journal::{Entry, Journal, Reached};
use crate::witness::{Witness, Witnessed};

/// How long a stop waits for answers in flight.
const DRAIN: Duration = Duration::from_secs(2);
/// The pause after a failed accept, when most likely file handles ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Marks an answer that must not be sent: the connection is closed instead.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the answer was dropped by a fault")]
pub(crate) struct Dropped;

/// Serves HTTP/1.1 until told to stop, then drains.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    journal: Arc<Journal>,
    shutdown: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let witness = Witness::new(Arc::clone(&journal));
                connections.spawn(connection(
                    stream,
                    router.clone(),
                    witness,
                    shutdown.clone(),
                ));
            }
            Err(error) => {
                tracing::warn!(%error, "the sandbox failed to accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: TcpStream,
    router: Router,
    witness: Witness,
    shutdown: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the sandbox failed to set TCP_NODELAY");
    }
    let router = TowerToHyperService::new(router);
    let at = stream.local_addr().map(|address| address.ip());
    let at = at.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let stream = Witnessed::new(stream, witness.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let received_at = Instant::now();
        request.extensions_mut().insert(Reached { at, received_at });
        answer(router.clone(), witness.clone(), request)
    });
    let connection = http1::Builder::new()
        // Like a real provider, finish what was asked although the client has
        // gone: a request that was sent is not undone by hanging up.
        .half_close(true)
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to the sandbox broke");
            }
            return;
        }
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    // Whatever is left after the drain is cut.
    let _ = tokio::time::timeout(DRAIN, connection).await;
}

/// Answers, or makes hyper close the connection without a byte.
async fn answer(
    router: TowerToHyperService<Router>,
    witness: Witness,
    request: Request<Incoming>,
) -> Result<Response, Dropped> {
    let response: Result<Response, Infallible> = router.call(request).await;
    let response = response.unwrap_or_else(|never| match never {});
    let entry = response.extensions().get::<Entry>().copied();
    if let Some(dropped) = response.extensions().get::<Dropped>() {
        if let Some(entry) = entry {
            witness.drop_answer(entry);
        }
        return Err(dropped.clone());
    }
    if let Some(entry) = entry {
        witness.watch(entry);
    }
    Ok(response)
}
