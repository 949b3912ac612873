//! Every service of the product, running in this process over real sockets.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use url::Url;
use workapi_config::Settings;
use workapi_runtime::{Health, Listener, Shutdown, serve_metrics};
use workapi_sandbox::{Clients, Sandbox};
use workapi_telemetry::Metrics;

use super::sandbox;
use crate::data_dir::DataDir;
use crate::programs::{Builder, public_url};

/// The running services. They stop in the order in which they need each other: the gateway
/// first, the sandbox last.
pub(super) struct Product {
    pub(super) settings: Settings,
    pub(super) public_url: Url,
    pub(super) admin_url: Url,
    pub(super) metrics_url: Url,
    pub(super) integrations_url: Url,
    pub(super) auth_url: Url,
    pub(super) sandbox_url: Url,
    pub(super) sandbox_admin_url: Url,
    pub(super) clients: Clients,
    gateway: Running,
    services: Running,
    operations: Running,
    sandbox_stop: CancellationToken,
    sandbox: JoinHandle<anyhow::Result<()>>,
}

/// Tasks that stop together.
struct Running {
    shutdown: Shutdown,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Running {
    fn new() -> Self {
        Self {
            shutdown: Shutdown::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Drains, waits for what is in flight, and says what went wrong.
    async fn drain(mut self) {
        self.shutdown.drain();
        if let Err(unfinished) = self.shutdown.wait_for_tasks().await {
            tracing::warn!(%unfinished, "stopped without waiting any longer");
        }
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended.map_err(anyhow::Error::from).flatten() {
                tracing::error!(
                    error = format!("{error:#}"),
                    "a service ended with an error"
                );
            }
        }
    }
}

impl Product {
    /// Builds and starts everything.
    pub(super) async fn start(data_dir: &DataDir, settings: Settings) -> anyhow::Result<Self> {
        let sandbox = sandbox::build(data_dir, &settings).await?;
        let mut builder = Builder {
            settings,
            metrics: Metrics::new(),
            health: Health::new(),
            sandbox_url: Some(sandbox.url().clone()),
        };
        let rest = builder.rest_listener().await?;
        let public = match &builder.settings.public_url {
            Some(url) => url.clone(),
            None => url_of(rest.address())?,
        };
        builder.settings.public_url = Some(public.clone());

        let mut services = Running::new();
        let integrations = builder.integrations().await?;
        let integrations_url = url_of(integrations.grpc_addr())?;
        builder.settings.integrations_grpc_url = Some(integrations_url.clone());
        let auth = builder.auth(&services.shutdown).await?;
        let auth_url = url_of(auth.grpc_addr())?;
        builder.settings.auth_grpc_url = Some(auth_url.clone());
        let refresher = builder.token_refresher(&services.shutdown).await?;
        let gateway = builder.gateway(rest).await?;
        let admin_url = url_of(gateway.admin_addr())?;

        let mut operations = Running::new();
        let metrics_url = serve_operations(&builder, &mut operations).await?;
        let shutdown = services.shutdown.clone();
        services
            .tasks
            .spawn(async { Ok(integrations.run(shutdown).await) });
        services
            .tasks
            .spawn(async { auth.run().await.context("auth") });
        services
            .tasks
            .spawn(async { refresher.run().await.context("token-refresher") });
        let mut front = Running::new();
        let shutdown = front.shutdown.clone();
        front.tasks.spawn(async { Ok(gateway.run(shutdown).await) });

        let (sandbox_url, sandbox_admin_url) = (sandbox.url().clone(), sandbox.admin_url().clone());
        let clients = sandbox.clients();
        let sandbox_stop = CancellationToken::new();
        Ok(Self {
            settings: builder.settings,
            public_url: public,
            admin_url,
            metrics_url,
            integrations_url,
            auth_url,
            sandbox_url,
            sandbox_admin_url,
            clients,
            gateway: front,
            services,
            operations,
            sandbox: serve_sandbox(sandbox, sandbox_stop.clone()),
            sandbox_stop,
        })
    }

    /// Stops everything in order; a second signal stops it at once.
    pub(super) async fn stop(self, told: &Shutdown) {
        let all = [&self.gateway, &self.services, &self.operations]
            .map(|running| running.shutdown.clone());
        let hurry = tokio::spawn({
            let told = told.clone();
            async move {
                told.stopped().await;
                all.iter().for_each(Shutdown::stop);
            }
        });
        self.gateway.drain().await;
        self.services.drain().await;
        self.operations.shutdown.stop();
        self.operations.drain().await;
        self.sandbox_stop.cancel();
        if let Err(error) = self.sandbox.await.map_err(anyhow::Error::from).flatten() {
            tracing::error!(
                error = format!("{error:#}"),
                "the sandbox ended with an error"
            );
        }
        hurry.abort();
    }
}

async fn serve_operations(builder: &Builder, operations: &mut Running) -> anyhow::Result<Url> {
    let listener: Listener = builder.metrics_listener().await?;
    let url = url_of(listener.address())?;
    let (metrics, health) = (builder.metrics.clone(), builder.health.clone());
    let shutdown = operations.shutdown.clone();
    operations.tasks.spawn(async move {
        serve_metrics(listener.into_socket(), metrics, health, shutdown).await;
        Ok(())
    });
    Ok(url)
}

fn serve_sandbox(sandbox: Sandbox, stop: CancellationToken) -> JoinHandle<anyhow::Result<()>> {
    tokio::spawn(async move { sandbox.run(stop).await.context("sandbox") })
}

fn url_of(address: SocketAddr) -> Result<Url, url::ParseError> {
    Url::parse(&public_url(address))
}
