//! Tells whether a server answers.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// The sign by which a server shows that it takes connections.
#[derive(Clone)]
pub(super) enum Probe {
    /// PostgreSQL writes `ready` into its pid file, which is what `pg_ctl` looks at too.
    PostmasterFile { data: PathBuf },
    /// NATS greets every client, and says whether it has JetStream.
    NatsGreeting,
    /// Valkey answers a PING after the password.
    ValkeyPing { password: String },
}

impl Probe {
    /// Tells whether the server with process id `pid` is ready on `port`.
    pub(super) async fn is_ready(&self, pid: u32, port: u16) -> bool {
        let ready = match self {
            Self::PostmasterFile { data } => return is_postmaster_ready(data, pid),
            Self::NatsGreeting => timeout(ANSWER_TIMEOUT, has_jetstream(port)).await,
            Self::ValkeyPing { password } => {
                timeout(ANSWER_TIMEOUT, answers_ping(port, password)).await
            }
        };
        matches!(ready, Ok(Ok(true)))
    }
}

/// The file's lines: process id, data directory, start time, port, socket
/// directory, listen address, shared memory key, status.
fn is_postmaster_ready(data: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return false;
    };
    let mut lines = text.lines();
    lines.next() == Some(&pid.to_string())
        && lines.nth(6).is_some_and(|status| status.trim() == "ready")
}

async fn has_jetstream(port: u16) -> io::Result<bool> {
    let mut stream = BufReader::new(connect(port).await?);
    let mut greeting = String::new();
    stream.read_line(&mut greeting).await?;
    Ok(greeting.starts_with("INFO ") && greeting.contains("\"jetstream\":true"))
}

async fn answers_ping(port: u16, password: &str) -> io::Result<bool> {
    let mut stream = BufReader::new(connect(port).await?);
    stream
        .write_all(format!("AUTH {password}\r\nPING\r\n").as_bytes())
        .await?;
    let mut answers = String::new();
    stream.read_line(&mut answers).await?;
    stream.read_line(&mut answers).await?;
    Ok(answers == "+OK\r\n+PONG\r\n")
}

async fn connect(port: u16) -> io::Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PostmasterFile { .. } => "PostmasterFile",
            Self::NatsGreeting => "NatsGreeting",
            Self::ValkeyPing { .. } => "ValkeyPing",
        })
    }
}
