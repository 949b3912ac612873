//! What an instance of the service is made of.

use std::net::SocketAddr;

use secrecy::SecretString;
use workapi_keyring::KeyRing;
use workapi_providers::Catalogue;

use crate::UserTokenSettings;

/// What an instance of the service is made of.
#[derive(Debug)]
pub struct Config {
    /// Where the gRPC services listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The database `integrations`, migrated with [`MIGRATOR`](crate::MIGRATOR).
    pub postgres_url: SecretString,
    /// The most connections to it.
    pub max_connections: u32,
    /// The NATS servers.
    pub nats_url: SecretString,
    /// Put before every stream and subject.
    pub nats_prefix: String,
    /// The providers that integrations may name.
    pub catalogue: Catalogue,
    /// A ring with a key for `signing`.
    pub key_ring: KeyRing,
    /// What user tokens say, and how long they live.
    pub user_tokens: UserTokenSettings,
    /// What operators show.
    pub admin_token: SecretString,
    /// What other services show where no user is involved.
    pub internal_token: SecretString,
}
