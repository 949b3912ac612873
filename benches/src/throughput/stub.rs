//! A provider that answers every refresh after the same time, for as little processor time as
//! possible: the machine is the engine's.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The life of the access tokens: long enough for nothing to be due twice.
const LIFE_SECONDS: u64 = 24 * 3600;
/// Room for any request of ours.
const REQUEST: usize = 16 * 1024;

/// A running provider.
pub(super) struct Stub {
    address: SocketAddr,
    counts: Arc<Vec<AtomicU32>>,
    _running: DropGuard,
}

/// Names the refresh token of a credential.
pub(super) fn refresh_token(index: u32, generation: u64) -> String {
    format!("rt.{index}.{generation}")
}

impl Stub {
    /// Starts one for so many credentials.
    pub(super) async fn start(
        credentials: u32,
        latency: Duration,
        rotates: bool,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let counts: Vec<AtomicU32> = (0..credentials).map(|_| AtomicU32::new(0)).collect();
        let counts = Arc::new(counts);
        let running = CancellationToken::new();
        let stopped = running.clone();
        let answerer = Answerer {
            counts: Arc::clone(&counts),
            latency,
            rotates,
        };
        tokio::spawn(async move {
            tokio::select! {
                () = accept(listener, answerer) => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Self {
            address,
            counts,
            _running: running.drop_guard(),
        })
    }

    /// Returns where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many credentials were refreshed not just once.
    pub(super) fn not_once(&self) -> usize {
        let counts = self.counts.iter();
        counts
            .filter(|count| count.load(Ordering::Relaxed) != 1)
            .count()
    }
}

#[derive(Clone)]
struct Answerer {
    counts: Arc<Vec<AtomicU32>>,
    latency: Duration,
    rotates: bool,
}

async fn accept(listener: TcpListener, answerer: Answerer) {
    while let Ok((stream, _)) = listener.accept().await {
        let answerer = answerer.clone();
        // A client that goes away ends its connection.
        tokio::spawn(async move { answerer.serve(stream).await });
    }
}

impl Answerer {
    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(REQUEST);
        loop {
            let length = loop {
                if let Some(length) = request_length(&buffer) {
                    break length;
                }
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            };
            let answer = self.answer(&buffer[..length]);
            buffer.drain(..length);
            tokio::time::sleep(self.latency).await;
            stream.write_all(answer.as_bytes()).await?;
        }
    }

    fn answer(&self, request: &[u8]) -> String {
        let Some((index, generation)) = presented(request) else {
            let body = r#"{"error":"invalid_request"}"#;
            return response("400 Bad Request", body);
        };
        let count = self
            .counts
            .get(usize::try_from(index).unwrap_or(usize::MAX));
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let next = generation + 1;
        let refresh_token = if self.rotates {
            format!(r#","refresh_token":"{}""#, refresh_token(index, next))
        } else {
            String::new()
        };
        let body = format!(
            r#"{{"access_token":"at.{index}.{next}","token_type":"Bearer","expires_in":{LIFE_SECONDS}{refresh_token}}}"#
        );
        response("200 OK", &body)
    }
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Returns how long the request at the front is, once all of it is there.
fn request_length(buffer: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    let head = buffer.windows(END.len()).position(|bytes| bytes == END)?;
    let head_length = head + END.len();
    let head = str::from_utf8(&buffer[..head]).ok()?;
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let body_length: usize = length.map_or(Some(0), |(_, value)| value.trim().parse().ok())?;
    let length = head_length + body_length;
    (buffer.len() >= length).then_some(length)
}

/// Reads which refresh token a request presents.
fn presented(request: &[u8]) -> Option<(u32, u64)> {
    let text = str::from_utf8(request).ok()?;
    let (_, token) = text.rsplit_once("refresh_token=rt.")?;
    let token = token.split('&').next()?;
    let (index, generation) = token.split_once('.')?;
    Some((index.parse().ok()?, generation.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_when_all_of_it_is_there() {
        let body = "grant_type=refresh_token&refresh_token=rt.17.3&client_id=x";
        let request = format!(
            "POST /token HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let bytes = request.as_bytes();

        assert_eq!(request_length(&bytes[..bytes.len() - 1]), None);
        assert_eq!(request_length(bytes), Some(bytes.len()));
        assert_eq!(presented(bytes), Some((17, 3)));
        assert_eq!(presented(b"refresh_token=other"), None);
    }
}
