//! The service as a whole: what it is built of, and its life.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use workapi_bus::{Bus, Delivery, Journal, Relay, Stream, Subscription};
use workapi_postgres::Database;
use workapi_proto::jobs::v1::RefreshRequest;
use workapi_redis::Redis;
use workapi_runtime::{Health, ServiceHealth, Shutdown};
use workapi_telemetry::{Meter, Metrics};
use workapi_vault::{MIGRATOR, RestoreWatch, Sinks, TOKEN_REFRESHER_ROLE, Vault};

use crate::Config;
use crate::app::{App, Breakers, Counts, Turns, open_breakers, restore};
use crate::limits::{Limits, Shared};

/// The name in logs, metrics, health and the servers' own views.
const NAME: &str = "token-refresher";
/// How many revocations run at once. Each may hold a connection to the database while the
/// provider answers, so that they must not take all there are.
const REVOCATIONS: usize = 4;

/// Why the service could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The vault's database can't be reached or used, or lacks migrations.
    #[error(transparent)]
    Postgres(#[from] workapi_postgres::Error),
    /// NATS can't be reached or used.
    #[error(transparent)]
    Bus(#[from] workapi_bus::Error),
    /// A key is missing, or the spill directory can't be used or folded.
    #[error(transparent)]
    Vault(#[from] workapi_vault::Error),
    /// The Redis URL is malformed.
    #[error(transparent)]
    Redis(#[from] workapi_redis::Error),
    /// The HTTP client for providers could not be made.
    #[error(transparent)]
    OAuth(#[from] workapi_oauth::HttpClientError),
}

/// The token-refresher, ready to run.
pub struct Service {
    app: Arc<App>,
    bus: Bus,
    concurrency: usize,
    meter: Meter,
    health: ServiceHealth,
    shutdown: Shutdown,
}

impl Service {
    /// Connects, and stores what an earlier process left in the spill directory; consumes nothing
    /// yet. Exchanges under way are tracked by `shutdown`.
    ///
    /// # Errors
    /// Fails when PostgreSQL or NATS can't be reached, the vault is not migrated, a key is
    /// missing, or the spill directory can't be used.
    pub async fn build(
        config: Config,
        health: &Health,
        metrics: &Metrics,
        shutdown: Shutdown,
    ) -> Result<Self, Error> {
        let database = workapi_postgres::Config {
            url: config.postgres_url,
            role: Some(TOKEN_REFRESHER_ROLE),
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
        add_checks(health, &database, &bus);
        let shared = config.redis_url.as_ref().map(|url| {
            let redis = Redis::lazy(url, config.redis_prefix)?;
            Ok::<_, Error>(Shared::new(redis, config.redis_patience))
        });
        let vault = Vault::open(database, config.key_ring)?;
        let sinks = Sinks::open(
            vault.clone(),
            Journal::new(bus.clone()),
            config.spill_directory.as_deref(),
        )?;
        sinks.fold_spill(false).await?;
        let meter = metrics.meter(NAME);
        let app = Arc::new(App {
            restore: RestoreWatch::new(sinks.clone()),
            sinks,
            bus: bus.clone(),
            breakers: Breakers::new(vault, open_breakers(&meter)),
            limits: Limits::new(shared.transpose()?, config.replicas),
            catalogue: config.catalogue,
            oauth: workapi_oauth::Client::new(workapi_oauth::HttpClient::new()?),
            counts: Counts::new(&meter),
            turns: Turns::new(config.at_once),
            shutdown: shutdown.clone(),
        });
        let health = health.add_service(NAME);
        Ok(Self {
            app,
            bus,
            concurrency: config.concurrency,
            meter,
            health,
            shutdown,
        })
    }

    /// Works until the shutdown drains; then finishes the exchanges under way, publishes their
    /// events, and returns.
    ///
    /// # Errors
    /// Fails when a consumer of the bus exists with settings that can't be changed.
    pub async fn run(self) -> Result<(), Error> {
        let Self {
            app,
            bus,
            concurrency,
            meter,
            health,
            shutdown,
        } = self;
        let database = app.vault().database().clone();
        let last_job_done = CancellationToken::new();
        let relaying = async {
            let relay = Relay::new(database.clone(), bus.clone());
            tokio::select! {
                () = relay.run(last_job_done.clone()) => {}
                () = shutdown.stopped() => {}
            }
            Ok(())
        };
        let working = async {
            let refreshing = refresh_jobs(&app, &bus, concurrency, &shutdown);
            let revoking = revoke_jobs(&app, &bus, &shutdown);
            let shredding = shredded(&app, &bus, &shutdown);
            let answering = refresh_requests(&app, &bus, concurrency, &shutdown);
            let worked = tokio::select! {
                worked = async { tokio::try_join!(refreshing, revoking, shredding, answering) } => {
                    worked.map(drop)
                }
                () = shutdown.stopped() => Ok(()),
            };
            last_job_done.cancel();
            worked
        };
        let watching = async {
            tokio::select! {
                () = app.breakers.watch() => {}
                () = last_job_done.cancelled() => {}
            }
            Ok(())
        };
        // Before the first job: a breaker that was open before a restart still is.
        app.breakers.look().await;
        let restoring = async {
            restore::run(&app, &meter, &shutdown).await;
            Ok(())
        };
        health.serving();
        let ended = tokio::try_join!(working, relaying, watching, restoring).map(drop);
        database.close().await;
        Ok(ended?)
    }
}

async fn refresh_jobs(
    app: &Arc<App>,
    bus: &Bus,
    concurrency: usize,
    shutdown: &Shutdown,
) -> Result<(), workapi_bus::Error> {
    let subscription = Subscription {
        stream: Stream::Jobs,
        durable: "token-refresher-refresh",
        filter: "job.refresh.>",
        concurrency,
    };
    let app = Arc::clone(app);
    let handler = move |delivery: Delivery| {
        let app = Arc::clone(&app);
        async move { app.refresh(&delivery).await }
    };
    bus.consume(subscription, shutdown.drain_token(), handler)
        .await
}

async fn revoke_jobs(
    app: &Arc<App>,
    bus: &Bus,
    shutdown: &Shutdown,
) -> Result<(), workapi_bus::Error> {
    let subscription = Subscription {
        stream: Stream::Jobs,
        durable: "token-refresher-revoke",
        filter: "job.revoke.>",
        concurrency: REVOCATIONS,
    };
    let app = Arc::clone(app);
    let handler = move |delivery: Delivery| {
        let app = Arc::clone(&app);
        async move { app.revoke(&delivery).await }
    };
    bus.consume(subscription, shutdown.drain_token(), handler)
        .await
}

async fn shredded(
    app: &Arc<App>,
    bus: &Bus,
    shutdown: &Shutdown,
) -> Result<(), workapi_bus::Error> {
    let subscription = Subscription {
        stream: Stream::Events,
        durable: "token-refresher-shredded",
        filter: "evt.auth.credential.revoked.v1",
        concurrency: REVOCATIONS,
    };
    let app = Arc::clone(app);
    let handler = move |delivery: Delivery| {
        let app = Arc::clone(&app);
        async move { app.purge(&delivery).await }
    };
    bus.consume(subscription, shutdown.drain_token(), handler)
        .await
}

async fn refresh_requests(
    app: &Arc<App>,
    bus: &Bus,
    concurrency: usize,
    shutdown: &Shutdown,
) -> Result<(), workapi_bus::Error> {
    let app = Arc::clone(app);
    let handler = move |request: RefreshRequest| {
        let app = Arc::clone(&app);
        async move { app.answer(request).await }
    };
    bus.serve_refresh_requests(concurrency, shutdown.drain_token(), handler)
        .await
}

fn add_checks(health: &Health, database: &Database, bus: &Bus) {
    let (database, bus) = (database.clone(), bus.clone());
    health.add_check(format!("{NAME}-postgres"), move || database.clone().check());
    health.add_check(format!("{NAME}-nats"), move || bus.clone().check());
}
