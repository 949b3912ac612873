//! The service as a whole: what it is built of, and its life.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use workapi_bus::{Bus, Relay};
use workapi_postgres::Database;
use workapi_runtime::{Grpc, Health, ListenError, Listener, ServiceHealth, SharedSecret, Shutdown};
use workapi_telemetry::Metrics;
use workapi_types::Clock;

use crate::app::{self, App, EnvironmentKeys, SigningKeysError};
use crate::grpc;
use crate::tokens::UserTokens;
use crate::{Config, MIGRATOR};

/// The name in logs, metrics, health and the servers' own views.
const NAME: &str = "integrations";
/// The role whose privileges the service has in its database.
const ROLE: &str = "workapi_integrations";

/// Why the service could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not this machine's.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The database can't be reached or used, or lacks migrations.
    #[error(transparent)]
    Postgres(#[from] workapi_postgres::Error),
    /// NATS can't be reached or used.
    #[error(transparent)]
    Bus(#[from] workapi_bus::Error),
    /// There are no keys to sign user tokens with.
    #[error(transparent)]
    SigningKeys(#[from] SigningKeysError),
    /// The embedded descriptors are malformed.
    #[error(transparent)]
    Reflection(#[from] workapi_runtime::ReflectionError),
}

/// The integrations service, ready to run.
pub struct Service {
    app: Arc<App>,
    relay: Relay,
    listener: Listener,
    grpc: Grpc,
    metrics: Metrics,
    health: ServiceHealth,
}

impl Service {
    /// Connects, makes the first signing key if there is none, and binds; serves nothing yet.
    ///
    /// # Errors
    /// Fails when PostgreSQL or NATS can't be reached within 20 seconds, the database is not
    /// migrated, its signing keys do not open with the key ring, or the address is taken.
    pub async fn build(
        config: Config,
        clock: Clock,
        health: &Health,
        metrics: &Metrics,
    ) -> Result<Self, Error> {
        let listener = Listener::bind(config.listen).await?;
        let database = workapi_postgres::Config {
            url: config.postgres_url,
            role: Some(ROLE),
            application_name: NAME,
            max_connections: config.max_connections,
        };
        let database = Database::connect_migrated(&database, &MIGRATOR).await?;
        let bus = Bus::connect(&workapi_bus::Config {
            url: config.nats_url,
            prefix: config.nats_prefix,
            name: NAME,
        })
        .await?;
        let keys =
            app::signing_keys(&database, &config.key_ring, config.user_tokens.lifetime).await?;
        let app = Arc::new(App {
            database: database.clone(),
            catalogue: config.catalogue,
            user_tokens: UserTokens::new(config.user_tokens, keys),
            environment_keys: EnvironmentKeys::new(),
            clock,
            deletion_begun: Notify::new(),
        });
        let grpc = grpc::server(
            &app,
            SharedSecret::new(config.admin_token),
            SharedSecret::new(config.internal_token),
        )?;
        add_checks(health, &database, &bus);
        Ok(Self {
            app,
            relay: Relay::new(database, bus),
            listener,
            grpc,
            metrics: metrics.clone(),
            health: health.add_service(NAME),
        })
    }

    /// Returns where the gRPC services listen.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Serves until `shutdown` drains; then finishes what has begun, publishes its events, and
    /// returns.
    pub async fn run(self, shutdown: Shutdown) {
        let Self {
            app,
            relay,
            listener,
            grpc,
            metrics,
            health,
        } = self;
        let address = listener.address();
        let meter = metrics.meter(NAME);
        let last_request_done = CancellationToken::new();
        let serving = async {
            grpc.serve(listener.into_socket(), &meter, &shutdown).await;
            last_request_done.cancel();
        };
        let publishing = async {
            tokio::select! {
                () = relay.run(last_request_done.clone()) => {}
                () = shutdown.stopped() => {}
            }
        };
        let deleting = async {
            tokio::select! {
                () = app.finish_deletions() => {}
                () = shutdown.draining() => {}
            }
        };
        health.serving();
        tracing::info!(grpc = %address, "{NAME} listens");
        tokio::join!(serving, publishing, deleting);
        app.database.close().await;
    }
}

fn add_checks(health: &Health, database: &Database, bus: &Bus) {
    let (database, bus) = (database.clone(), bus.clone());
    health.add_check(format!("{NAME}-postgres"), move || database.clone().check());
    health.add_check(format!("{NAME}-nats"), move || bus.clone().check());
}
