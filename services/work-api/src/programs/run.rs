//! One program in one process.

use anyhow::Context;
use clap::Subcommand;
use workapi_config::Settings;
use workapi_runtime::{Health, Shutdown, serve_metrics};
use workapi_telemetry::Metrics;

use super::Builder;
use crate::telemetry;

/// A program that runs on its own, on Kubernetes for example.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Program {
    /// Serve the public REST API and the admin services
    Gateway,
    /// Serve environments, users and integrations over gRPC
    Integrations,
    /// Connect integrations at providers, and say when credentials are due
    Auth,
    /// Refresh and revoke credentials at providers
    TokenRefresher,
}

/// A program that has everything that it needs.
enum Service {
    Gateway(workapi_gateway::Service),
    Integrations(workapi_integrations::Service),
    Auth(workapi_auth::Service),
    TokenRefresher(workapi_token_refresher::Service),
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Integrations => "integrations",
            Self::Auth => "auth",
            Self::TokenRefresher => "token-refresher",
        }
    }

    async fn build(self, builder: &Builder, shutdown: &Shutdown) -> anyhow::Result<Service> {
        Ok(match self {
            Self::Gateway => {
                let listener = Builder::rest_listener(&builder.settings).await?;
                Service::Gateway(builder.gateway(listener).await?)
            }
            Self::Integrations => Service::Integrations(builder.integrations().await?),
            Self::Auth => Service::Auth(builder.auth(shutdown).await?),
            Self::TokenRefresher => {
                Service::TokenRefresher(builder.token_refresher(shutdown).await?)
            }
        })
    }
}

impl Service {
    async fn run(self, shutdown: &Shutdown) -> anyhow::Result<()> {
        match self {
            Self::Gateway(gateway) => gateway.run(shutdown.clone()).await,
            Self::Integrations(integrations) => integrations.run(shutdown.clone()).await,
            Self::Auth(auth) => auth.run().await?,
            Self::TokenRefresher(refresher) => refresher.run().await?,
        }
        Ok(())
    }
}

/// Runs a program until it is told to stop.
pub(crate) async fn run(program: Program, settings: Settings) -> anyhow::Result<()> {
    let telemetry = telemetry::init(program.name(), &settings)?;
    let shutdown = Shutdown::on_signals()?;
    let builder = Builder {
        settings,
        metrics: Metrics::new(),
        health: Health::new(),
        sandbox_url: None,
    };
    let ended = run_until_told(program, &builder, &shutdown)
        .await
        .with_context(|| format!("{} could not run", program.name()));
    telemetry.shutdown().await;
    ended
}

async fn run_until_told(
    program: Program,
    builder: &Builder,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    // Until the service is there to say it itself, which may take a while.
    let _starting = builder.health.add_service(program.name());
    let operations = builder.metrics_listener().await?.into_socket();
    let (metrics, health) = (builder.metrics.clone(), builder.health.clone());
    let observed = tokio::spawn(serve_metrics(operations, metrics, health, shutdown.clone()));

    let service = tokio::select! {
        built = program.build(builder, shutdown) => built?,
        () = shutdown.draining() => return Ok(()),
    };
    service.run(shutdown).await?;
    let waited = shutdown.wait_for_tasks().await;
    shutdown.stop();
    observed.await?;
    Ok(waited?)
}
