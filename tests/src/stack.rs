//! The stack: services, servers and sandbox, wired as `work-api dev` wires them.

use std::net::SocketAddr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;
use workapi_runtime::Shutdown;
use workapi_sandbox::{ClientChange, Clients, Sandbox};
use workapi_telemetry::Metrics;

use crate::connectors::Connectors;
use crate::parts::{ADMIN_TOKEN, Parts};
use crate::sandbox::{CLIENT_ID, sandbox_client};
use crate::{Application, Browser, Environment, Options, UserSession};

/// Where browsers find the gateway; [`Browser`] resolves it to the first replica's port.
pub(crate) const PUBLIC_URL: &str = "http://gateway.test";

/// A running stack. Dropping it stops everything.
#[derive(Debug)]
pub struct Stack {
    rest: Vec<SocketAddr>,
    admin_url: String,
    integrations_url: String,
    auth_url: String,
    pub(crate) sandbox_url: Url,
    pub(crate) sandbox_admin_url: Url,
    pub(crate) sandbox_http: reqwest::Client,
    pub(crate) clients: Clients,
    pub(crate) connectors: Connectors,
    integrations_database: PgPool,
    vault_database: PgPool,
    bus: workapi_bus::Bus,
    metrics: Metrics,
    shutdown: Shutdown,
    sandbox_shutdown: CancellationToken,
    services: JoinSet<()>,
}

impl Stack {
    /// Starts a stack of one replica each.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts a stack.
    ///
    /// # Panics
    /// When anything does not start.
    pub async fn start_with(options: Options) -> Self {
        let sandbox = Sandbox::build(workapi_sandbox::Config::default())
            .await
            .expect("the sandbox listens");
        let parts = Parts::new(options, sandbox.url()).await;
        let sandbox_shutdown = CancellationToken::new();
        let mut services = JoinSet::new();
        let sandbox_url = sandbox.url().clone();
        let sandbox_admin_url = sandbox.admin_url().clone();
        let clients = sandbox.clients();
        let sandbox_stop = sandbox_shutdown.clone();
        services.spawn(async move {
            sandbox.run(sandbox_stop).await.expect("the sandbox serves");
        });

        let mut integrations_url = String::new();
        let mut auth_url = String::new();
        let mut admin_url = String::new();
        let mut rest = Vec::new();
        for _ in 0..parts.options.replicas {
            let integrations = parts.integrations().await;
            integrations_url = format!("http://{}", integrations.grpc_addr());
            let auth = parts.auth(&integrations_url).await;
            auth_url = format!("http://{}", auth.grpc_addr());
            let refresher = parts.token_refresher().await;
            let gateway = parts.gateway(&integrations_url, &auth_url).await;
            rest.push(gateway.rest_addr());
            admin_url = format!("http://{}", gateway.admin_addr());
            let shutdown = parts.shutdown.clone();
            services.spawn(integrations.run(shutdown.clone()));
            services.spawn(async { auth.run().await.expect("auth runs") });
            services.spawn(async { refresher.run().await.expect("the refresher runs") });
            services.spawn(gateway.run(shutdown));
        }
        Self {
            rest,
            admin_url,
            integrations_url,
            auth_url,
            sandbox_url,
            sandbox_admin_url,
            sandbox_http: sandbox_client(),
            clients,
            connectors: Connectors::of(&parts),
            integrations_database: pool(&parts.integrations_url).await,
            vault_database: pool(&parts.vault_url).await,
            bus: parts.bus().await,
            metrics: parts.metrics,
            shutdown: parts.shutdown,
            sandbox_shutdown,
            services,
        }
    }

    /// Creates an environment with a client at the sandbox, as an operator does.
    ///
    /// # Panics
    /// When the admin API refuses.
    pub async fn environment(&self) -> Environment {
        let environment = Environment::create(&self.admin_url, ADMIN_TOKEN).await;
        let client = self.register_client(ClientChange::default()).await;
        environment
            .set_provider("sandbox", CLIENT_ID, &client)
            .await;
        environment
    }

    /// Creates an environment and a user of it.
    pub async fn user(&self) -> UserSession {
        let environment = self.environment().await;
        self.application(&environment)
            .create_user("cust-9041")
            .await
    }

    /// Returns the application of an environment: what its developer wrote.
    pub fn application(&self, environment: &Environment) -> Application {
        Application::new(self.browser(), environment.clone())
    }

    /// Returns where the first gateway listens, for requests that are written byte by byte.
    pub fn rest_addr(&self) -> SocketAddr {
        self.rest[0]
    }

    /// Returns a browser that finds the first gateway.
    pub fn browser(&self) -> Browser {
        Browser::new(self.rest[0])
    }

    /// Returns a browser that finds the given replica of the gateway.
    pub fn browser_at(&self, replica: usize) -> Browser {
        Browser::new(self.rest[replica])
    }

    /// Returns the database of `integrations`, to look at or to tamper with.
    pub fn integrations_database(&self) -> &PgPool {
        &self.integrations_database
    }

    /// Returns the vault's database, to look at or to tamper with.
    pub fn vault_database(&self) -> &PgPool {
        &self.vault_database
    }

    /// Returns the bus under the stack's prefix.
    pub fn bus(&self) -> &workapi_bus::Bus {
        &self.bus
    }

    /// Returns the metrics of all services.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the gRPC URL of the last replica of `integrations`.
    pub fn integrations_url(&self) -> &str {
        &self.integrations_url
    }

    /// Returns the gRPC URL of the last replica of `auth`.
    pub fn auth_url(&self) -> &str {
        &self.auth_url
    }

    /// Returns the URL of the admin listener of the last replica of the gateway.
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// Drains every service, then the sandbox, and waits until all have ended.
    ///
    /// # Panics
    /// When anything is left behind, or has panicked.
    pub async fn stop(mut self) {
        self.shutdown.drain();
        self.shutdown
            .wait_for_tasks()
            .await
            .expect("no exchange is left behind");
        self.sandbox_shutdown.cancel();
        while let Some(ended) = self.services.join_next().await {
            ended.expect("no service panicked");
        }
    }
}

async fn pool(url: &SecretString) -> PgPool {
    PgPoolOptions::new()
        .max_connections(2)
        .connect(url.expose_secret())
        .await
        .expect("the test database answers")
}
