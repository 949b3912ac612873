//! An HTTP/1.1 client that sends exactly the bytes it is told to, and shows exactly what comes
//! back: reason phrases, every header, odd targets.

use std::fmt;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, with its headers in the order in which they came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The first line, such as `HTTP/1.1 204 No Content`.
    pub status_line: String,
    /// Names, in lower case where the server sends them so, and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty when there is none.
    pub body: String,
}

impl Answer {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// Returns the status code.
    ///
    /// # Panics
    /// When the status line has none.
    pub fn status(&self) -> u16 {
        let code = self.status_line.split(' ').nth(1);
        code.and_then(|code| code.parse().ok())
            .unwrap_or_else(|| panic!("no status code: {}", self.status_line))
    }

    /// Returns the body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self}"))
    }

    /// Returns the `code` and `detail` of an error document, which has to be exactly
    /// `{"errors":[{"code","detail"}]}` with the media type of JSON:API.
    ///
    /// # Panics
    /// When it is anything else.
    pub fn error(&self) -> (String, String) {
        let content_type = self.header("content-type");
        assert_eq!(content_type, Some("application/vnd.api+json"), "{self}");
        let document = self.json();
        let member = |name: &str| document["errors"][0][name].as_str().map(str::to_owned);
        let (code, detail) = member("code")
            .zip(member("detail"))
            .unwrap_or_else(|| panic!("not an error document: {self}"));
        let exactly = json!({"errors": [{"code": code, "detail": detail}]});
        assert_eq!(document, exactly, "{self}");
        (code, detail)
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
/// `head` is the request line and headers, one a line; `Host`, `Connection: close` and, with a
/// body, `Content-Length` are added.
///
/// # Panics
/// When nothing answers.
pub async fn send(address: SocketAddr, head: &str, body: &str) -> Answer {
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

/// Sends bytes, whatever they are, and reads the answer only when all of them are sent, as simple
/// clients do.
///
/// # Panics
/// When nothing answers, or not with text.
pub async fn send_raw(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server takes connections");
    stream
        .write_all(request)
        .await
        .expect("the server reads to the end");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("the server answers");
    parse(&answer)
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
