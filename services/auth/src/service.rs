//! The service as a whole: what it is built of, and its life.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use workapi_bus::{Bus, Journal, Relay};
use workapi_keyring::Purpose;
use workapi_postgres::Database;
use workapi_redis::Redis;
use workapi_runtime::{
    Grpc, Health, ListenError, Listener, ServiceHealth, SharedSecret, Shutdown, channel,
};
use workapi_telemetry::Metrics;
use workapi_vault::{AUTH_ROLE, MIGRATOR, OnDemand, Sinks, Vault};

use crate::app::{
    App, Authorizations, Directory, Evictions, deletions, expiring, projections, recovery, restore,
    scheduler, upkeep,
};
use crate::{Config, Intervals, grpc};

/// The name in logs, metrics, health and the servers' own views.
const NAME: &str = "auth";

/// Why the service could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not this machine's.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The vault's database can't be reached or used, or lacks migrations.
    #[error(transparent)]
    Postgres(#[from] workapi_postgres::Error),
    /// NATS can't be reached or used.
    #[error(transparent)]
    Bus(#[from] workapi_bus::Error),
    /// Redis can't be reached or used.
    #[error(transparent)]
    Redis(#[from] workapi_redis::Error),
    /// A key is missing, or the spill directory can't be used or folded.
    #[error(transparent)]
    Vault(#[from] workapi_vault::Error),
    /// A key is missing.
    #[error(transparent)]
    KeyRing(#[from] workapi_keyring::Error),
    /// The HTTP client for providers could not be made.
    #[error(transparent)]
    OAuth(#[from] workapi_oauth::HttpClientError),
    /// The URL of `integrations` is malformed.
    #[error(transparent)]
    Channel(#[from] workapi_runtime::ChannelError),
    /// The internal token holds what no header can.
    #[error("the internal token can't be sent in a header; expected visible ASCII characters")]
    InternalToken(#[from] tonic::metadata::errors::InvalidMetadataValue),
    /// The public URL can't be the base of the redirect URI.
    #[error(
        "the public URL can't be a base of /auth/callback; expected http(s)://host[:port][/path]"
    )]
    PublicUrl,
    /// The embedded descriptors are malformed.
    #[error(transparent)]
    Reflection(#[from] workapi_runtime::ReflectionError),
}

/// The auth service, ready to run.
pub struct Service {
    app: Arc<App>,
    bus: Bus,
    listener: Listener,
    grpc: Grpc,
    intervals: Intervals,
    metrics: Metrics,
    health: ServiceHealth,
    shutdown: Shutdown,
}

impl Service {
    /// Connects and binds; serves nothing yet. Exchanges under way are tracked by `shutdown`.
    ///
    /// # Errors
    /// Fails when PostgreSQL, NATS or Redis can't be reached, the vault is not migrated, a key
    /// is missing, or the address is taken.
    pub async fn build(
        config: Config,
        health: &Health,
        metrics: &Metrics,
        shutdown: Shutdown,
    ) -> Result<Self, Error> {
        let listener = Listener::bind(config.listen).await?;
        config.key_ring.require(&[Purpose::State])?;
        let database = workapi_postgres::Config {
            url: config.postgres_url,
            role: Some(AUTH_ROLE),
            application_name: NAME,
            max_connections: config.max_connections,
        };
        let database = Database::connect_migrated(&database, &MIGRATOR).await?;
        let bus = workapi_bus::Config {
            url: config.nats_url,
            prefix: config.nats_prefix,
            name: NAME,
        };
        let bus = Bus::connect(&bus).await?;
        let redis = Redis::connect(&config.redis_url, config.redis_prefix).await?;
        add_checks(health, &database, &bus, &redis);

        let sinks = Sinks::open(
            Vault::open(database.clone(), Arc::clone(&config.key_ring))?,
            Journal::new(bus.clone()),
            config.spill_directory.as_deref(),
        )?;
        sinks.fold_spill(true).await?;
        let channel = channel(&config.integrations_url, "integrations")?;
        let app = Arc::new(App {
            sinks,
            on_demand: OnDemand::new(database, bus.clone()),
            bus: bus.clone(),
            authorizations: Authorizations::new(redis, config.key_ring),
            catalogue: config.catalogue,
            oauth: workapi_oauth::Client::new(workapi_oauth::HttpClient::new()?),
            directory: Directory::new(channel, &config.internal_token)?,
            evictions: Evictions::new(&metrics.meter(NAME)),
            callback_url: callback_url(&config.public_url)?,
            shutdown: shutdown.clone(),
        });
        let grpc = grpc::server(&app, SharedSecret::new(config.admin_token))?;
        Ok(Self {
            app,
            bus,
            listener,
            grpc,
            intervals: config.intervals,
            metrics: metrics.clone(),
            health: health.add_service(NAME),
            shutdown,
        })
    }

    /// Returns where the gRPC services listen.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Serves until the shutdown drains; then finishes the exchanges under way, publishes their
    /// events, and returns.
    ///
    /// # Errors
    /// Fails when a consumer of the bus exists with settings that can't be changed.
    pub async fn run(self) -> Result<(), Error> {
        let Self {
            app,
            bus,
            listener,
            grpc,
            intervals,
            metrics,
            health,
            shutdown,
        } = self;
        let database = app.vault().database().clone();
        let meter = metrics.meter(NAME);
        let address = listener.address();
        let last_exchange_done = CancellationToken::new();
        let serving = async {
            grpc.serve(listener.into_socket(), &meter, &shutdown).await;
            // An exchange outlives its request, and still needs the database. Whoever started the
            // service learns from the shutdown what was left behind.
            let _ = shutdown.wait_for_tasks().await;
            last_exchange_done.cancel();
            Ok(())
        };
        let publishing = async {
            let relay = Relay::new(database.clone(), bus.clone());
            tokio::select! {
                () = relay.run(last_exchange_done.clone()) => {}
                () = shutdown.stopped() => {}
            }
            Ok(())
        };
        let looping = async {
            tokio::join!(
                scheduler::run(&app, &bus, intervals.schedule, &shutdown),
                recovery::run(&app, intervals.recovery, &shutdown),
                expiring::run(&app, intervals.expiry, &shutdown),
                projections::run(&app, intervals.projection, &shutdown),
                upkeep::run(&app, intervals.upkeep, &shutdown),
                restore::run(&app, &bus, &meter, &shutdown),
            );
            Ok(())
        };
        health.serving();
        tracing::info!(grpc = %address, "{NAME} listens");
        let deleting = deletions::run(&app, &bus, &shutdown);
        let ended = tokio::try_join!(serving, publishing, looping, deleting).map(drop);
        database.close().await;
        Ok(ended?)
    }
}

fn callback_url(public_url: &url::Url) -> Result<url::Url, Error> {
    let mut url = public_url.clone();
    url.path_segments_mut()
        .map_err(|()| Error::PublicUrl)?
        .pop_if_empty()
        .extend(["auth", "callback"]);
    Ok(url)
}

fn add_checks(health: &Health, database: &Database, bus: &Bus, redis: &Redis) {
    let (database, bus, redis) = (database.clone(), bus.clone(), redis.clone());
    health.add_check(format!("{NAME}-postgres"), move || database.clone().check());
    health.add_check(format!("{NAME}-nats"), move || bus.clone().check());
    health.add_check(format!("{NAME}-redis"), move || redis.clone().check());
}
