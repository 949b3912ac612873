//! `work-api dev`: the whole product in one process, beside its servers.

mod keys;
mod product;
mod sandbox;
mod seed;
mod tour;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio_util::sync::CancellationToken;
use workapi_config::Settings;
use workapi_runtime::Shutdown;

use self::product::Product;
use crate::console;
use crate::data_dir::DataDir;
use crate::databases::Databases;
use crate::dev_json::DevJson;
use crate::servers::{Durability, Servers};
use crate::telemetry;

/// Where to run, and where to keep everything.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to keep keys, data, logs and dev.json; default: `.work-api`
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the public REST API listens; port 0 picks a free one; default: `127.0.0.1:8080`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where the pinned servers are; default: `.dev/servers`
    #[arg(long, value_name = "DIR")]
    servers_dir: Option<PathBuf>,
}

impl Options {
    /// Lays the options, and what only `dev` takes for granted, over the settings.
    fn apply(self, settings: &mut Settings) {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        settings.data_dir = self.data_dir.unwrap_or_else(|| settings.data_dir.clone());
        settings.servers_dir = self
            .servers_dir
            .unwrap_or_else(|| settings.servers_dir.clone());
        settings.gateway_listen = self.listen.or(settings.gateway_listen).or(Some(listen));
        for address in [
            &mut settings.admin_listen,
            &mut settings.metrics_listen,
            &mut settings.integrations_listen,
            &mut settings.auth_listen,
        ] {
            address.get_or_insert(any_port);
        }
    }
}

/// Runs until told to stop, and leaves no child process behind.
pub(crate) async fn run(options: Options, mut settings: Settings) -> anyhow::Result<()> {
    options.apply(&mut settings);
    let data_dir = DataDir::open(&settings.data_dir)?;
    let telemetry = telemetry::init("work-api", &settings)?;
    let shutdown = Shutdown::on_signals()?;
    DevJson::remove(data_dir.path())?;

    let ended = beside_servers(&data_dir, settings, &shutdown).await;
    telemetry.shutdown().await;
    ended
}

async fn beside_servers(
    data_dir: &DataDir,
    mut settings: Settings,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    console::progress("starting PostgreSQL, NATS and Valkey …");
    let servers = tokio::select! {
        servers = Servers::start(data_dir, &settings, Durability::Durable) => servers?,
        () = shutdown.draining() => return Ok(()),
    };
    let urls = servers.urls().clone();
    settings.postgres_url = Some(urls.postgres);
    settings.nats_url = Some(urls.nats);
    settings.redis_url = Some(urls.redis);

    let stop = CancellationToken::new();
    let mut supervising = tokio::spawn({
        let stop = stop.clone();
        async move { servers.run(&stop).await }
    });
    let ended = tokio::select! {
        ended = run_product(data_dir, settings, shutdown) => ended,
        failed = &mut supervising => {
            shutdown.stop();
            return failed?.context("a server that the product needs could not be kept running");
        }
    };
    console::progress("stopping PostgreSQL, NATS and Valkey …");
    stop.cancel();
    supervising.await??;
    ended
}

async fn run_product(
    data_dir: &DataDir,
    mut settings: Settings,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let starting = async {
        keys::provide(data_dir, &mut settings)?;
        console::progress("migrating the databases …");
        Databases::of(&settings)?.migrate().await?;
        console::progress("starting the services …");
        Product::start(data_dir, settings).await
    };
    let product = tokio::select! {
        product = starting => product?,
        () = shutdown.draining() => return Ok(()),
    };
    let announced = announce(data_dir, &product).await;
    if announced.is_ok() {
        shutdown.draining().await;
        DevJson::remove(data_dir.path())?;
    }
    product.stop(shutdown).await;
    announced
}

/// Seeds what a newcomer needs, and tells where everything is.
async fn announce(data_dir: &DataDir, product: &Product) -> anyhow::Result<()> {
    let dev = seed::seed(data_dir, product).await?;
    dev.write(data_dir.path())
        .context("cannot write dev.json")?;
    tour::print(&dev)?;
    Ok(())
}
