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

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Integrations => "integrations",
            Self::Auth => "auth",
            Self::TokenRefresher => "token-refresher",
        }
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
    let operations = builder.metrics_listener().await?;
    let metrics = builder.metrics.clone();
    let serving = tokio::spawn({
        let (health, shutdown) = (builder.health.clone(), shutdown.clone());
        async move {
            serve_metrics(operations.into_socket(), metrics, health, shutdown).await;
        }
    });
    match program {
        Program::Gateway => {
            let listener = builder.rest_listener().await?;
            builder.gateway(listener).await?.run(shutdown.clone()).await;
        }
        Program::Integrations => builder.integrations().await?.run(shutdown.clone()).await,
        Program::Auth => builder.auth(shutdown).await?.run().await?,
        Program::TokenRefresher => builder.token_refresher(shutdown).await?.run().await?,
    }
    let waited = shutdown.wait_for_tasks().await;
    shutdown.stop();
    serving.await?;
    Ok(waited?)
}
