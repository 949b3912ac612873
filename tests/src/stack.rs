//! The stack: services, servers and sandbox, wired as `work-api dev` wires them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;
use workapi_keyring::KeyRing;
use workapi_providers::Catalogue;
use workapi_runtime::{Health, Listener, Shutdown};
use workapi_sandbox::{ClientChange, Clients, Sandbox};
use workapi_telemetry::Metrics;
use workapi_types::Clock;

use crate::{Application, Browser, Environment};

/// Where browsers find the gateway; [`Browser`] resolves it to the first replica's port.
pub(crate) const PUBLIC_URL: &str = "http://gateway.test";
/// The client that [`Stack::environment`] registers at the sandbox.
const CLIENT_ID: &str = "1234-stack";

const LOCALHOST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const ADMIN_TOKEN: &str = "admin-token-of-the-test-stack";
const INTERNAL_TOKEN: &str = "internal-token-of-the-test-stack";

/// What a test wants to be different.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many replicas of every service run.
    pub replicas: usize,
    /// Manifests that add to or override the embedded ones.
    pub providers_dir: Option<PathBuf>,
    /// The Redis server, where it is not the test run's.
    pub redis_url: Option<SecretString>,
    /// How often auth tells accounts that could not be told, sweeps and purges.
    pub upkeep: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            replicas: 1,
            providers_dir: None,
            redis_url: None,
            upkeep: Duration::from_secs(3600),
        }
    }
}

/// A running stack. Dropping it stops everything.
#[derive(Debug)]
pub struct Stack {
    rest: Vec<SocketAddr>,
    admin_url: String,
    integrations_url: String,
    auth_url: String,
    sandbox_url: Url,
    sandbox_admin_url: Url,
    clients: Clients,
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
            clients,
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

    /// Registers the stack's client at the sandbox, or changes it, and returns its secret.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn register_client(&self, change: ClientChange) -> String {
        let change = ClientChange {
            redirect_uris: Some(vec![format!("{PUBLIC_URL}/auth/callback")]),
            ..change
        };
        self.clients
            .put(CLIENT_ID, change)
            .await
            .expect("the client is in order")
            .client_secret
    }

    /// Returns the application of an environment: what its developer wrote.
    pub fn application(&self, environment: &Environment) -> Application {
        Application::new(self.browser(), environment.clone())
    }

    /// Returns a browser that finds the first gateway.
    pub fn browser(&self) -> Browser {
        Browser::new(self.rest[0])
    }

    /// Returns a browser that finds the given replica of the gateway.
    pub fn browser_at(&self, replica: usize) -> Browser {
        Browser::new(self.rest[replica])
    }

    /// Returns the client id that the environments of this stack have at the sandbox.
    pub fn client_id(&self) -> &'static str {
        CLIENT_ID
    }

    /// Returns where the sandbox's authorization server is.
    pub fn sandbox_url(&self) -> &Url {
        &self.sandbox_url
    }

    /// Returns the sandbox's registry of clients.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Returns what the sandbox really saw, in total.
    ///
    /// # Panics
    /// When the sandbox does not answer.
    pub async fn counters(&self) -> Value {
        let url = self
            .sandbox_admin_url
            .join("counters")
            .expect("a valid URL");
        let answer = reqwest::get(url).await.expect("the sandbox answers");
        let counters: Value = answer.json().await.expect("counters are JSON");
        counters["total"].clone()
    }

    /// Makes the sandbox fail as described (interfaces section 5).
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn inject_fault(&self, fault: &Value) {
        self.post_to_sandbox("faults", fault).await;
    }

    /// Gets a code as a native app does.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn mobile_code(&self, account: &str) -> String {
        let body = serde_json::json!({"client_id": CLIENT_ID, "account": account});
        let answer = self.post_to_sandbox("mobile-codes", &body).await;
        answer["code"].as_str().expect("a code").to_owned()
    }

    async fn post_to_sandbox(&self, path: &str, body: &Value) -> Value {
        let url = self.sandbox_admin_url.join(path).expect("a valid URL");
        let request = reqwest::Client::new().post(url).json(body);
        let answer = request.send().await.expect("the sandbox answers");
        assert!(answer.status().is_success(), "{}", answer.status());
        let text = answer.text().await.expect("a body");
        serde_json::from_str(&text).unwrap_or_default()
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

/// What the services of a stack have in common.
struct Parts {
    options: Options,
    catalogue: Catalogue,
    key_ring: String,
    integrations_url: SecretString,
    vault_url: SecretString,
    prefix: String,
    redis_url: SecretString,
    metrics: Metrics,
    health: Health,
    shutdown: Shutdown,
}

impl Parts {
    async fn new(options: Options, sandbox_url: &Url) -> Self {
        let directory = options.providers_dir.as_deref();
        Self {
            catalogue: Catalogue::load(Some(sandbox_url), directory)
                .expect("the manifests are in order"),
            key_ring: KeyRing::generate()
                .expect("random bytes")
                .as_str()
                .to_owned(),
            integrations_url: workapi_testkit::database(&workapi_integrations::MIGRATOR).await,
            vault_url: workapi_testkit::database(&workapi_vault::MIGRATOR).await,
            prefix: workapi_testkit::unique_prefix(),
            redis_url: options
                .redis_url
                .clone()
                .unwrap_or_else(workapi_testkit::redis_url),
            metrics: Metrics::new(),
            health: Health::new(),
            shutdown: Shutdown::new(),
            options,
        }
    }

    fn key_ring(&self) -> KeyRing {
        KeyRing::parse(&self.key_ring).expect("a generated ring parses")
    }

    async fn integrations(&self) -> workapi_integrations::Service {
        let config = workapi_integrations::Config {
            listen: LOCALHOST,
            postgres_url: self.integrations_url.clone(),
            max_connections: 10,
            nats_url: workapi_testkit::nats_url(),
            nats_prefix: self.prefix.clone(),
            catalogue: self.catalogue.clone(),
            key_ring: self.key_ring(),
            user_tokens: workapi_integrations::UserTokenSettings {
                issuer: "work-api".to_owned(),
                audience: "work-api".to_owned(),
                lifetime: Duration::from_secs(28 * 24 * 3600),
            },
            admin_token: SecretString::from(ADMIN_TOKEN),
            internal_token: SecretString::from(INTERNAL_TOKEN),
        };
        workapi_integrations::Service::build(config, Clock::system(), &self.health, &self.metrics)
            .await
            .expect("integrations builds")
    }

    async fn auth(&self, integrations_url: &str) -> workapi_auth::Service {
        let config = workapi_auth::Config {
            listen: LOCALHOST,
            postgres_url: self.vault_url.clone(),
            max_connections: 10,
            nats_url: workapi_testkit::nats_url(),
            nats_prefix: self.prefix.clone(),
            redis_url: self.redis_url.clone(),
            redis_prefix: self.prefix.clone(),
            catalogue: self.catalogue.clone(),
            key_ring: Arc::new(self.key_ring()),
            public_url: Url::parse(PUBLIC_URL).expect("a valid URL"),
            integrations_url: integrations_url.to_owned(),
            admin_token: SecretString::from(ADMIN_TOKEN),
            internal_token: SecretString::from(INTERNAL_TOKEN),
            intervals: workapi_auth::Intervals {
                schedule: Duration::from_millis(50),
                projection: Duration::from_millis(100),
                upkeep: self.options.upkeep,
            },
        };
        let shutdown = self.shutdown.clone();
        workapi_auth::Service::build(config, &self.health, &self.metrics, shutdown)
            .await
            .expect("auth builds")
    }

    async fn token_refresher(&self) -> workapi_token_refresher::Service {
        let config = workapi_token_refresher::Config {
            postgres_url: self.vault_url.clone(),
            max_connections: 10,
            nats_url: workapi_testkit::nats_url(),
            nats_prefix: self.prefix.clone(),
            catalogue: self.catalogue.clone(),
            key_ring: Arc::new(self.key_ring()),
            concurrency: workapi_token_refresher::Config::DEFAULT_CONCURRENCY,
        };
        let shutdown = self.shutdown.clone();
        workapi_token_refresher::Service::build(config, &self.health, &self.metrics, shutdown)
            .await
            .expect("the refresher builds")
    }

    async fn gateway(&self, integrations_url: &str, auth_url: &str) -> workapi_gateway::Service {
        let config = workapi_gateway::Config {
            rest: Listener::bind(LOCALHOST).await.expect("a free port"),
            admin_listen: LOCALHOST,
            integrations_url: integrations_url.to_owned(),
            auth_url: auth_url.to_owned(),
            admin_token: SecretString::from(ADMIN_TOKEN),
            max_concurrent_requests: workapi_gateway::Config::DEFAULT_MAX_CONCURRENT_REQUESTS,
        };
        workapi_gateway::Service::build(config, Clock::system(), &self.health, &self.metrics)
            .await
            .expect("the gateway builds")
    }

    async fn bus(&self) -> workapi_bus::Bus {
        workapi_bus::Bus::connect(&workapi_bus::Config {
            url: workapi_testkit::nats_url(),
            prefix: self.prefix.clone(),
            name: "test",
        })
        .await
        .expect("NATS answers")
    }
}

async fn pool(url: &SecretString) -> PgPool {
    PgPoolOptions::new()
        .max_connections(2)
        .connect(url.expose_secret())
        .await
        .expect("the test database answers")
}
