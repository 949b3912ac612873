//! Why the sandbox cannot start or go on.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::clients::InvalidClient;

/// An error of building or running the sandbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listener could not be bound.
    #[error("failed to bind the sandbox's {listener} listener to {address}")]
    Bind {
        /// `public` or `admin`.
        listener: &'static str,
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A seed client is invalid.
    #[error("failed to register sandbox client `{client_id}`")]
    SeedClient {
        /// Its id.
        client_id: String,
        /// What is wrong with it.
        source: InvalidClient,
    },
    /// A client given through [`Clients`](crate::Clients) is invalid.
    #[error("failed to register a sandbox client")]
    Client(#[from] InvalidClient),
    /// A grant was asked for a client that is not registered.
    #[error("there is no sandbox client `{client_id}`")]
    UnknownClient {
        /// Its id.
        client_id: String,
    },
    /// The address cannot be the host of a URL.
    #[error("failed to form the sandbox's URL")]
    Url(#[from] url::ParseError),
    /// The state file exists and cannot be read.
    #[error("failed to read sandbox state from {}", path.display())]
    ReadState {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The state file has other content than this version writes.
    #[error("failed to parse sandbox state in {}", path.display())]
    ParseState {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// The state file is of another format.
    #[error("sandbox state in {} has format {found}, expected {expected}", path.display())]
    StateFormat {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The format that this version reads and writes.
        expected: u32,
    },
    /// The state file cannot be written.
    #[error("failed to write sandbox state to {}", path.display())]
    WriteState {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key for ID tokens could not be made, read or used.
    #[error("failed to {action} the sandbox's signing key")]
    SigningKey {
        /// What was attempted.
        action: &'static str,
    },
    /// A task of the sandbox ended in a panic.
    #[error("a task of the sandbox stopped unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

impl Error {
    /// Logs an error that the person who asked hears nothing of.
    pub(crate) fn log(&self) {
        let error: &dyn std::error::Error = self;
        tracing::error!(error, "the sandbox failed to answer");
    }
}
