//! `work-api dev`: the whole product in one process, beside its servers.

mod keys;
mod product;
mod sandbox;
mod seed;
mod services;
mod tour;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio_util::sync::CancellationToken;
use workapi_config::{Loaded, Settings};
use workapi_runtime::Shutdown;

use self::product::{Addresses, Ground, Product};
use crate::cli::listen_address;
use crate::console;
use crate::data_dir::DataDir;
use crate::databases::Databases;
use crate::dev_json::DevJson;
use crate::servers::{self, Durability, Servers, Urls};
use crate::telemetry;

/// Where to run, and where to keep everything.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to keep keys, data, logs and dev.json [default: .work-api]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the public REST API listens; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    listen: Option<SocketAddr>,
    /// Where the pinned servers are [default: .dev/servers]
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
pub(crate) async fn run(options: Options, mut loaded: Loaded) -> anyhow::Result<()> {
    options.apply(&mut loaded.settings);
    let data_dir = DataDir::open(&loaded.settings.data_dir)?;
    let telemetry = telemetry::init_dev(&loaded, data_dir.begin_log("work-api")?)?;
    let shutdown = Shutdown::on_signals()?;
    // That of a run which was killed.
    DevJson::remove(data_dir.path())?;

    let ended = beside_servers(&data_dir, loaded.settings, &shutdown).await;
    // It is gone already, unless the product was left in a hurry.
    let removed = DevJson::remove(data_dir.path());
    telemetry.shutdown().await;
    ended?;
    Ok(removed?)
}

async fn beside_servers(
    data_dir: &DataDir,
    mut settings: Settings,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    keys::provide(data_dir, &mut settings)?;
    let spill = || data_dir.path().join("spill");
    settings.spill_dir.get_or_insert_with(spill);
    let mut ground = Ground::prepare(data_dir, settings).await?;
    let names = servers::to_start(&ground.settings).join(", ");
    if !names.is_empty() {
        console::progress(&format!("starting {names} …"));
    }
    let servers = tokio::select! {
        servers = Servers::start(data_dir, &ground.settings, Durability::Durable) => servers?,
        () = shutdown.draining() => return Ok(()),
    };
    let urls = servers.urls().clone();
    ground.use_servers(&urls);

    let stop = CancellationToken::new();
    let mut supervising = tokio::spawn({
        let stop = stop.clone();
        async move { servers.run(&stop).await }
    });
    let ended = tokio::select! {
        ended = run_product(data_dir, ground, urls, shutdown) => ended,
        failed = &mut supervising => {
            return failed?.context("a server that the product needs could not be kept running");
        }
    };
    if !names.is_empty() {
        console::progress(&format!("stopping {names} …"));
    }
    stop.cancel();
    supervising.await??;
    ended
}

async fn run_product(
    data_dir: &DataDir,
    ground: Ground,
    servers: Urls,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let starting = async {
        console::progress("migrating the databases …");
        Databases::of(&ground.settings)?.migrate().await?;
        console::progress("starting the services …");
        Product::start(ground, servers, shutdown).await
    };
    let mut product = tokio::select! {
        product = starting => product?,
        () = shutdown.draining() => return Ok(()),
    };
    let ended = tokio::select! {
        announced = announce(data_dir, &product.addresses, shutdown) => announced,
        () = shutdown.draining() => Ok(()),
        failed = product.services.failed() => Err(failed),
    };
    let removed = DevJson::remove(data_dir.path());
    product.services.stop(shutdown).await;
    ended?;
    Ok(removed?)
}

/// Seeds what a newcomer needs, tells where everything is, and waits for the end.
async fn announce(
    data_dir: &DataDir,
    addresses: &Addresses,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let dev = seed::seed(data_dir, addresses).await?;
    dev.write(data_dir.path())
        .context("cannot write dev.json")?;
    // Nobody has to read it.
    let _ = tour::print(&dev, data_dir.path());
    shutdown.draining().await;
    Ok(())
}
