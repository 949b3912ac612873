//! What the gateway has to be told.

use std::net::SocketAddr;

use secrecy::SecretString;
use workapi_runtime::Listener;

/// The configuration of a gateway.
#[derive(Debug)]
pub struct Config {
    /// Where the public REST API is served. Bound by the caller, because others are told the
    /// address before a gateway can be built.
    pub rest: Listener,
    /// Where the admin services listen; port 0 takes a free one.
    pub admin_listen: SocketAddr,
    /// The gRPC URL of the integrations service, such as `http://integrations:7000`.
    pub integrations_url: String,
    /// The gRPC URL of the auth service.
    pub auth_url: String,
    /// The token that admin requests have to carry.
    pub admin_token: SecretString,
    /// How many REST requests are served at a time, those that wait for providers counted apart;
    /// more are answered 503 at once. A request holds up to 1 MiB.
    pub max_concurrent_requests: usize,
}

impl Config {
    /// The usual [`Config::max_concurrent_requests`].
    pub const DEFAULT_MAX_CONCURRENT_REQUESTS: usize = 1024;
}
