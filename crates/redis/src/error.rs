//! Why Redis did not do what was asked.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// A failed operation. Names the server as `host:port`, and never a credential, key or value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is malformed.
    #[error("failed to parse the Redis URL: it is not redis://host:port or rediss://host:port")]
    Url(#[source] RedisError),
    /// The server is away, too slow, full, or not ready: try again later. Whether it has done what
    /// was asked is unknown.
    #[error("failed to reach Redis at {address} ({operation})")]
    Unavailable {
        /// The command, or `connect`.
        operation: &'static str,
        /// The server as `host:port`.
        address: String,
        /// What happened.
        source: RedisError,
    },
    /// The server refused: wrong credentials, missing permission, or a key of another type.
    #[error("Redis at {address} refused {operation}")]
    Refused {
        /// The command, or `connect`.
        operation: &'static str,
        /// The server as `host:port`.
        address: String,
        /// What it said.
        source: RedisError,
    },
}

impl Error {
    pub(crate) fn from_redis(operation: &'static str, address: &str, source: RedisError) -> Self {
        let address = address.to_owned();
        if is_transient(&source) {
            Self::Unavailable {
                operation,
                address,
                source,
            }
        } else {
            Self::Refused {
                operation,
                address,
                source,
            }
        }
    }
}

fn is_transient(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly, TryAgain};
    match error.kind() {
        ErrorKind::Io => true,
        ErrorKind::Server(kind) => matches!(
            kind,
            BusyLoading | ClusterDown | MasterDown | ReadOnly | TryAgain
        ),
        // Out of memory under `noeviction`.
        _ => error.code() == Some("OOM"),
    }
}
