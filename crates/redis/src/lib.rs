//! The one connection to Redis or Valkey: short-lived state under a key prefix.
//!
//! Redis makes things fast; it holds nothing whose loss would corrupt anything. Whatever is not
//! answered within [`TIMEOUT`] is [`Error::Unavailable`], and callers answer 503.

mod error;
mod script;

use std::fmt;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, Cmd, ConnectionInfo, FromRedisValue, IntoConnectionInfo, ProtocolVersion};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

pub use error::Error;
pub use script::Script;

/// How long any one operation takes at most, reconnecting included.
pub const TIMEOUT: Duration = Duration::from_millis(1500);

const RECONNECT_DELAY: Duration = Duration::from_millis(50);
const LONGEST_RECONNECT_DELAY: Duration = Duration::from_millis(500);
/// About a minute; the next operation begins anew.
const RECONNECT_ATTEMPTS: usize = 120;

/// A shared connection that re-establishes itself; cloning is cheap.
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
    address: String,
    prefix: String,
}

impl Redis {
    /// Connects to `redis://[user:password@]host:port[/database]`, or `rediss://` for TLS with the
    /// machine's certificate authorities. Every key gets the `prefix`.
    ///
    /// Warns when the server may evict keys: an authorization state that vanishes fails a user.
    ///
    /// # Errors
    ///
    /// The URL is malformed, or the server does not answer within [`TIMEOUT`] or refuses us.
    pub async fn connect(url: &SecretString, prefix: impl Into<String>) -> Result<Self, Error> {
        let client = client(url)?;
        // The connection manager would try again for long, and hide why.
        let probe = client.get_multiplexed_async_connection();
        bounded(probe)
            .await
            .map_err(|error| Error::from_redis("connect", &address(&client), error))?;
        let redis = Self::over(client, prefix.into())?;
        redis.warn_if_keys_may_be_evicted().await;
        Ok(redis)
    }

    /// Takes a server that may be away: the first operation connects. For what Redis only makes
    /// better.
    ///
    /// # Errors
    ///
    /// The URL is malformed.
    pub fn lazy(url: &SecretString, prefix: impl Into<String>) -> Result<Self, Error> {
        Self::over(client(url)?, prefix.into())
    }

    fn over(client: Client, prefix: String) -> Result<Self, Error> {
        let address = address(&client);
        let config = ConnectionManagerConfig::new()
            .set_min_delay(RECONNECT_DELAY)
            .set_max_delay(LONGEST_RECONNECT_DELAY)
            .set_number_of_retries(RECONNECT_ATTEMPTS)
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT));
        let connection = ConnectionManager::new_lazy_with_config(client, config)
            .map_err(|error| Error::from_redis("connect", &address, error))?;
        Ok(Self {
            connection,
            address,
            prefix,
        })
    }

    /// Stores a value for `ttl` (in whole milliseconds, at least one) unless the key exists, and
    /// returns whether it did.
    pub async fn set_once(&self, key: &str, value: &[u8], ttl: Duration) -> Result<bool, Error> {
        let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = redis::cmd("SET");
        command.arg(self.key(key)).arg(value);
        command.arg("NX").arg("PX").arg(milliseconds);
        let stored: Option<()> = self.run("SET", &command).await?;
        Ok(stored.is_some())
    }

    /// Returns a value and deletes it in one step, so that one caller alone ever gets it.
    pub async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let mut command = redis::cmd("GETDEL");
        command.arg(self.key(key));
        self.run("GETDEL", &command).await
    }

    /// Asks the server for a sign of life, for readiness checks.
    pub async fn ping(&self) -> Result<(), Error> {
        self.run("PING", &redis::cmd("PING")).await
    }

    /// Tells whether the server answers, as a readiness check.
    ///
    /// # Errors
    /// Says what an operator should know.
    pub async fn check(self) -> Result<(), String> {
        self.ping()
            .await
            .map_err(|_| "Redis does not answer".to_owned())
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    async fn run<T: FromRedisValue>(&self, name: &'static str, command: &Cmd) -> Result<T, Error> {
        let mut connection = self.connection.clone();
        bounded(command.query_async(&mut connection))
            .await
            .map_err(|error| Error::from_redis(name, &self.address, error))
    }

    async fn warn_if_keys_may_be_evicted(&self) {
        let mut command = redis::cmd("INFO");
        command.arg("memory");
        let memory: String = match self.run("INFO", &command).await {
            Ok(memory) => memory,
            Err(error) => return tracing::debug!(%error, "failed to read the maxmemory-policy"),
        };
        match eviction_policy(&memory) {
            Some("noeviction") => {}
            policy => tracing::warn!(
                policy,
                "Redis may evict keys: set maxmemory-policy to noeviction"
            ),
        }
    }
}

/// Leaves out the connection, which holds the credentials.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("address", &self.address)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

fn client(url: &SecretString) -> Result<Client, Error> {
    let info = connection_info(url.expose_secret()).map_err(Error::Url)?;
    Client::open(info).map_err(Error::Url)
}

fn address(client: &Client) -> String {
    client.get_connection_info().addr().to_string()
}

fn connection_info(url: &str) -> redis::RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    // RESP3 tells at once when the connection is lost, before the next operation finds out.
    let settings = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    let tcp = TcpSettings::default().set_nodelay(true);
    // A server that vanished without a word would else be waited for until TCP gives up.
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(TIMEOUT * 2);
    Ok(info.set_redis_settings(settings).set_tcp_settings(tcp))
}

async fn bounded<T>(
    operation: impl Future<Output = redis::RedisResult<T>>,
) -> redis::RedisResult<T> {
    match timeout(TIMEOUT, operation).await {
        Ok(result) => result,
        Err(_elapsed) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

fn eviction_policy(memory: &str) -> Option<&str> {
    memory
        .lines()
        .find_map(|line| line.strip_prefix("maxmemory_policy:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eviction_policy_is_found_among_the_memory_figures() {
        let memory = "# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\nlazyfree:0\r\n";

        assert_eq!(eviction_policy(memory), Some("allkeys-lru"));
        assert_eq!(eviction_policy("# Memory\r\n"), None);
    }
}
