//! What a client sees of the HTTP server below the router.

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use workapi_runtime::Shutdown;

use crate::client;
use crate::server::Server;

async fn server() -> Server {
    let router = Router::new().route("/ok/{id}", get(async || "fine"));
    Server::http(router, Shutdown::new()).await
}

fn status_line(answer: &str) -> &str {
    answer.lines().next().unwrap_or_default()
}

#[tokio::test]
async fn status_lines_carry_the_standard_reason_phrases() {
    let server = server().await;

    let found = client::get(server.addr, "/ok/1", "").await;
    let missing = client::get(server.addr, "/missing", "").await;

    assert_eq!(status_line(&found), "HTTP/1.1 200 OK");
    assert_eq!(status_line(&missing), "HTTP/1.1 404 Not Found");
}

#[tokio::test]
async fn headers_over_the_limit_are_answered_with_431() {
    let server = server().await;
    let long_token = format!("authorization: Bearer {}\r\n", "a".repeat(10_000));
    let too_long_token = format!("authorization: Bearer {}\r\n", "a".repeat(40_000));

    let long = client::get(server.addr, "/ok/1", &long_token).await;
    let too_long = client::get(server.addr, "/ok/1", &too_long_token).await;

    assert_eq!(status_line(&long), "HTTP/1.1 200 OK");
    assert_eq!(
        status_line(&too_long),
        "HTTP/1.1 431 Request Header Fields Too Large"
    );
}

#[tokio::test]
async fn bytes_that_are_not_http_are_answered_with_400() {
    let server = server().await;

    let answer = client::exchange(server.addr, b"\x16\x03\x01 nonsense\r\n\r\n").await;

    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(status_line(&answer), "HTTP/1.1 400 Bad Request");
}

#[tokio::test]
async fn http_2_is_spoken_without_tls() {
    let server = server().await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let empty_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];

    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    stream.write_all(&empty_settings).await.unwrap();

    let mut frame_header = [0; 9];
    stream.read_exact(&mut frame_header).await.unwrap();
    assert_eq!(
        frame_header[3], 4,
        "the first frame is SETTINGS (RFC 9113 section 3.4)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_finishes_its_headers_is_let_go() {
    let server = server().await;

    for begun in ["", "P", "GET /ok/1 HTTP/1.1\r\nhost: local"] {
        let answer = client::exchange(server.addr, begun.as_bytes()).await;

        assert_eq!(answer, b"", "{begun:?}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    let server = server().await;

    client::get(server.addr, "/ok/1?code=secret", "").await;
    client::get(server.addr, "/ok/2", "").await;
    client::get(server.addr, "/made/up", "").await;
    client::get(
        server.addr,
        "/made/up/too",
        "content-type: application/grpc\r\n",
    )
    .await;

    let metrics = server.metrics.render();
    let counts: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("http_server_request_duration_seconds_count"))
        .collect();
    assert_eq!(counts.len(), 2, "{metrics}");
    assert!(
        counts
            .iter()
            .any(|line| line.contains("/ok/{id}") && line.ends_with(" 2"))
    );
    assert!(
        counts
            .iter()
            .any(|line| line.contains("unmatched") && line.ends_with(" 2"))
    );
    assert!(!metrics.contains("secret"));
}

#[tokio::test]
async fn a_request_whose_client_goes_away_counts_as_cancelled() {
    let router = Router::new().route("/hang", get(std::future::pending::<()>));
    let server = Server::http(router, Shutdown::new()).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream
        .write_all(b"GET /hang HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();

    drop(stream);

    while !server.metrics.render().contains("cancelled") {
        tokio::task::yield_now().await;
    }
}
