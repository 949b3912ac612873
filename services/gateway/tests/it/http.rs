//! A client that sends exactly the bytes it is told to, and shows exactly what comes back.

use std::fmt;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, with its headers in the order in which they came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status_line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    pub(crate) fn status(&self) -> u16 {
        self.status_line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Returns the `code` and `detail` of an error document after checking its shape.
    pub(crate) fn error(&self) -> (String, String) {
        assert_eq!(
            self.header("content-type"),
            Some("application/vnd.api+json"),
            "{self}"
        );
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        let errors = body["errors"].as_array().unwrap();
        assert_eq!(
            (body.as_object().unwrap().len(), errors.len()),
            (1, 1),
            "{self}"
        );
        assert_eq!(errors[0].as_object().unwrap().len(), 2, "{self}");
        let member = |name: &str| errors[0][name].as_str().unwrap().to_owned();
        (member("code"), member("detail"))
    }
}

/// Writes the answer as it came, without what differs every time.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status_line)?;
        for (name, value) in &self.headers {
            match name.as_str() {
                "date" | "connection" => {}
                "x-request-id" => writeln!(f, "{name}: [a UUID of {} characters]", value.len())?,
                _ => writeln!(f, "{name}: {value}")?,
            }
        }
        write!(f, "\n{}", self.body)
    }
}

/// Sends a request that ends with its headers and reads the answer to its end.
///
/// `head` is the request line and headers, one a line; `Host` and `Connection: close` are added.
pub(crate) async fn send(address: SocketAddr, head: &str, body: &str) -> Answer {
    let head: Vec<_> = head.lines().map(str::trim_start).collect();
    let head = head.join("\r\n");
    let length = match body.len() {
        0 => String::new(),
        length => format!("content-length: {length}\r\n"),
    };
    let request =
        format!("{head}\r\nhost: gateway.test\r\nconnection: close\r\n{length}\r\n{body}");
    send_raw(address, request.as_bytes()).await
}

/// Sends bytes, whatever they are, and reads the answer only when all of them are sent.
pub(crate) async fn send_raw(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    parse(&String::from_utf8(answer).unwrap())
}

fn parse(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let mut lines = head.lines();
    let status_line = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap_or((line, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Answer {
        status_line,
        headers,
        body: body.to_owned(),
    }
}
