//! What becomes of connections and requests when a server is told to stop.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;
use workapi_runtime::Shutdown;

use crate::client;
use crate::server::Server;

/// A server whose `/slow` answers once it is released.
struct Slow {
    server: Server,
    begun: Arc<Notify>,
    release: Arc<Notify>,
}

async fn slow() -> Slow {
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (notice, released) = (Arc::clone(&begun), Arc::clone(&release));
    let handler = async move || {
        notice.notify_one();
        released.notified().await;
        "done"
    };
    let router = Router::new().route("/slow", get(handler));
    let server = Server::http(router, Shutdown::new()).await;
    Slow {
        server,
        begun,
        release,
    }
}

async fn until_refused(server: SocketAddr) {
    loop {
        let connected = TcpStream::connect(server).await;
        if connected.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            return;
        }
    }
}

#[tokio::test]
async fn a_request_in_flight_is_answered_and_new_connections_are_refused() {
    let slow = slow().await;
    let request = tokio::spawn(client::get(slow.server.addr, "/slow", ""));
    slow.begun.notified().await;

    slow.server.shutdown.drain();
    until_refused(slow.server.addr).await;
    slow.release.notify_one();

    assert!(request.await.unwrap().ends_with("done"));
    slow.server.ended.await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_is_closed_at_once() {
    let router = Router::new().route("/", get(async || "fine"));
    let server = Server::http(router, Shutdown::new()).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 512];
    let length = stream.read(&mut answer).await.unwrap();

    server.shutdown.drain();

    assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
    assert_eq!(stream.read(&mut answer).await.unwrap(), 0);
    server.ended.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_is_cut_after_the_grace() {
    let slow = slow().await;
    let request = tokio::spawn(client::exchange(
        slow.server.addr,
        b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ));
    slow.begun.notified().await;
    let start = Instant::now();

    slow.server.shutdown.drain();
    slow.server.ended.await.unwrap();

    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(request.await.unwrap(), b"");
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_what_is_still_served() {
    let slow = slow().await;
    let request = tokio::spawn(client::exchange(
        slow.server.addr,
        b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ));
    slow.begun.notified().await;
    let start = Instant::now();

    slow.server.shutdown.stop();
    slow.server.ended.await.unwrap();

    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(request.await.unwrap(), b"");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_tracked_work_gets_its_result() {
    let shutdown = Shutdown::new();
    let begun = Arc::new(Notify::new());
    let (tasks, notice) = (shutdown.clone(), Arc::clone(&begun));
    let handler = async move || {
        let work = tokio::time::sleep(Duration::from_secs(20));
        let exchange = tasks.spawn_tracked("token exchange", Duration::from_secs(30), work);
        notice.notify_one();
        exchange.await.map_or("failed", |()| "exchanged")
    };
    let router = Router::new().route("/callback", get(handler));
    let server = Server::http(router, shutdown).await;
    let request = tokio::spawn(client::get(server.addr, "/callback", ""));
    begun.notified().await;

    server.shutdown.drain();

    assert!(request.await.unwrap().ends_with("exchanged"));
    server.ended.await.unwrap();
}
