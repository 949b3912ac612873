//! The settings and their defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::parse;

const DEFAULT_AT_ONCE: NonZeroU16 = NonZeroU16::new(4).unwrap();

/// The settings whose values are secret. Each can be named by a file instead
/// (`<name>_file`), and none is ever shown.
pub(crate) const SECRETS: [&str; 7] = [
    "admin_token",
    "integrations_postgres_url",
    "internal_token",
    "nats_url",
    "postgres_url",
    "redis_url",
    "vault_postgres_url",
];

/// Everything that can be set, by any program.
///
/// The names are those of the file; in the environment they are upper case
/// with `WORK_API_` before them. `None` means not set: what then happens is
/// said at each field.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where `dev` keeps its state, and where other commands find it.
    pub data_dir: PathBuf,
    /// Where `scripts/fetch-wheels servers` put the real servers.
    pub servers_dir: PathBuf,
    /// Where PostgreSQL's files and data live when `dev` runs as root; unset:
    /// `/var/lib/work-api/<hash of the data directory>`.
    pub postgres_home: Option<PathBuf>,

    /// Base of the public URLs, `/auth/callback` among them; `dev` uses
    /// `http://` and the address that the gateway listens on.
    #[serde(deserialize_with = "parse::web_url")]
    pub public_url: Option<Url>,
    /// Where the public REST API listens; `dev` uses 127.0.0.1:8080.
    #[serde(deserialize_with = "parse::listen_address")]
    pub gateway_listen: Option<SocketAddr>,
    /// Where the gateway's admin services listen; `dev` picks a free loopback
    /// port, as for the three below.
    #[serde(deserialize_with = "parse::listen_address")]
    pub admin_listen: Option<SocketAddr>,
    /// Where `/metrics`, `/livez` and `/readyz` are served.
    #[serde(deserialize_with = "parse::listen_address")]
    pub metrics_listen: Option<SocketAddr>,
    /// Where the gRPC services of `integrations` listen.
    #[serde(deserialize_with = "parse::listen_address")]
    pub integrations_listen: Option<SocketAddr>,
    /// Where the gRPC services of `auth` listen.
    #[serde(deserialize_with = "parse::listen_address")]
    pub auth_listen: Option<SocketAddr>,
    /// Where the sandbox provider of `dev` listens.
    #[serde(deserialize_with = "parse::listen_address")]
    pub sandbox_listen: Option<SocketAddr>,
    /// Where others reach the gRPC services of `integrations`.
    #[serde(deserialize_with = "parse::web_url")]
    pub integrations_grpc_url: Option<Url>,
    /// Where others reach the gRPC services of `auth`.
    #[serde(deserialize_with = "parse::web_url")]
    pub auth_grpc_url: Option<Url>,
    /// Where the `admin` command reaches the admin listener; unset: the `dev`
    /// of the data directory.
    #[serde(deserialize_with = "parse::web_url")]
    pub admin_url: Option<Url>,

    /// A PostgreSQL server with one database per owner on it
    /// ([`Settings::integrations_database_url`], [`Settings::vault_database_url`]).
    #[serde(
        deserialize_with = "parse::postgres_url",
        serialize_with = "parse::hidden"
    )]
    pub postgres_url: Option<SecretString>,
    /// The database of `integrations`, where it is not on that server.
    #[serde(
        deserialize_with = "parse::postgres_url",
        serialize_with = "parse::hidden"
    )]
    pub integrations_postgres_url: Option<SecretString>,
    /// The database of the vault, where it is not on that server.
    #[serde(
        deserialize_with = "parse::postgres_url",
        serialize_with = "parse::hidden"
    )]
    pub vault_postgres_url: Option<SecretString>,
    /// The Redis or Valkey server.
    #[serde(
        deserialize_with = "parse::redis_url",
        serialize_with = "parse::hidden"
    )]
    pub redis_url: Option<SecretString>,
    /// The NATS servers, separated by commas.
    #[serde(
        deserialize_with = "parse::nats_urls",
        serialize_with = "parse::hidden"
    )]
    pub nats_url: Option<SecretString>,
    /// Put before every stream, subject and durable name.
    #[serde(deserialize_with = "parse::prefix")]
    pub nats_prefix: String,
    /// Put before every Redis key.
    #[serde(deserialize_with = "parse::prefix")]
    pub redis_prefix: String,

    /// How many token-refreshers run; each keeps to its part of a provider's
    /// limits while Redis is away.
    #[serde(deserialize_with = "parse::count")]
    pub refresher_replicas: NonZeroU32,
    /// How many rotations a token-refresher begins at the same time, for the
    /// scheduler and for callers each; requests under way do not count. More
    /// are faster, and keep answers longer in memory before they are stored.
    #[serde(deserialize_with = "parse::count")]
    pub refresher_at_once: NonZeroU16,

    /// Provider manifests that add to or override the embedded ones.
    pub providers_dir: Option<PathBuf>,
    /// Where sealed answers are kept when no other sink takes them; unset: no
    /// such file is written.
    pub spill_dir: Option<PathBuf>,
    /// The key ring that seals stored secrets.
    pub keyring_file: Option<PathBuf>,
    /// What the admin services ask for.
    #[serde(deserialize_with = "parse::token", serialize_with = "parse::hidden")]
    pub admin_token: Option<SecretString>,
    /// What services show each other where no user is involved.
    #[serde(deserialize_with = "parse::token", serialize_with = "parse::hidden")]
    pub internal_token: Option<SecretString>,
    /// How long a user token lives (28 days, contract section 1.3).
    #[serde(
        deserialize_with = "parse::lifetime",
        serialize_with = "parse::in_seconds"
    )]
    pub user_token_ttl: Duration,

    /// How log lines are written.
    #[serde(deserialize_with = "parse::log_format")]
    pub log_format: LogFormat,
    /// Which log lines are written, as `tracing` filters: `info,workapi_auth=debug`. `dev` writes
    /// them to a file, and where nothing is set only warnings to the terminal.
    pub log: String,
    /// Where traces go, by gRPC; `OTEL_EXPORTER_OTLP_ENDPOINT` in the
    /// environment. Unset: nowhere.
    #[serde(deserialize_with = "parse::web_url")]
    pub otlp_endpoint: Option<Url>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line each.
    Text,
    /// One JSON object each.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from(".work-api"),
            servers_dir: PathBuf::from(".dev/servers"),
            postgres_home: None,
            public_url: None,
            gateway_listen: None,
            admin_listen: None,
            metrics_listen: None,
            integrations_listen: None,
            auth_listen: None,
            sandbox_listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            integrations_grpc_url: None,
            auth_grpc_url: None,
            admin_url: None,
            postgres_url: None,
            integrations_postgres_url: None,
            vault_postgres_url: None,
            redis_url: None,
            nats_url: None,
            nats_prefix: String::new(),
            redis_prefix: String::new(),
            refresher_replicas: NonZeroU32::MIN,
            refresher_at_once: DEFAULT_AT_ONCE,
            providers_dir: None,
            spill_dir: None,
            keyring_file: None,
            admin_token: None,
            internal_token: None,
            user_token_ttl: Duration::from_hours(28 * 24),
            log_format: LogFormat::Text,
            log: "info".to_owned(),
            otlp_endpoint: None,
        }
    }
}
