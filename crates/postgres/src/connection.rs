//! The first connection to a server that may still be starting.

use std::io;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::Error;

/// How long a program that starts waits for a server that starts beside it.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// Connects, and waits for a server that is still starting.
pub(crate) async fn open(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    open_within(START_PATIENCE, options).await
}

async fn open_within(
    patience: Duration,
    options: &PgConnectOptions,
) -> Result<PgConnection, Error> {
    let server = format!("{}:{}", options.get_host(), options.get_port());
    let backoff = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_total_delay(Some(patience))
        .without_max_times();
    let attempts = (|| PgConnection::connect_with(options))
        .retry(backoff)
        .when(crate::is_unavailable)
        .notify(|error, _| tracing::debug!(%server, %error, "waiting for PostgreSQL"));
    // The delays have an end, but an attempt may have none.
    tokio::time::timeout(patience, attempts)
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        .map_err(|source| Error::Connect {
            server: server.clone(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    async fn reason_for_giving_up(port: u16) -> String {
        let options = PgConnectOptions::new().host("127.0.0.1").port(port);
        let patience = Duration::from_millis(300);
        let started = Instant::now();

        let error = open_within(patience, &options).await.unwrap_err();

        let took = started.elapsed();
        assert!(took < Duration::from_secs(10), "it took {took:?}");
        assert!(error.to_string().contains(&port.to_string()), "{error}");
        error.source().unwrap().to_string()
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_is_given_up() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);

        let reason = reason_for_giving_up(port).await;

        assert!(reason.contains("refused"), "{reason}");
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();

        let reason = reason_for_giving_up(port).await;

        assert!(reason.contains("timed out"), "{reason}");
    }
}
