//! The services of a stack, each with the configuration that `work-api dev` would give it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use url::Url;
use workapi_keyring::KeyRing;
use workapi_providers::Catalogue;
use workapi_runtime::{Health, Listener, Shutdown};
use workapi_telemetry::Metrics;
use workapi_testkit::Proxy;

use crate::Options;
use crate::stack::PUBLIC_URL;

/// What operators show to a stack.
pub(crate) const ADMIN_TOKEN: &str = "admin-token-of-the-test-stack";
const INTERNAL_TOKEN: &str = "internal-token-of-the-test-stack";
const LOCALHOST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What the services of a stack have in common.
pub(crate) struct Parts {
    pub(crate) options: Options,
    pub(crate) catalogue: Catalogue,
    pub(crate) key_ring: String,
    pub(crate) integrations_url: SecretString,
    pub(crate) vault_url: SecretString,
    /// The vault as the services reach it.
    pub(crate) vault_way: SecretString,
    /// NATS as the services reach it.
    pub(crate) nats_url: SecretString,
    pub(crate) prefix: String,
    pub(crate) redis_url: SecretString,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) shutdown: Shutdown,
}

impl Parts {
    pub(crate) async fn new(options: Options, sandbox_url: &Url) -> Self {
        let vault_url = workapi_testkit::database(&workapi_vault::MIGRATOR).await;
        Self {
            catalogue: catalogue(&options, sandbox_url),
            key_ring: KeyRing::generate()
                .expect("random bytes")
                .as_str()
                .to_owned(),
            integrations_url: workapi_testkit::database(&workapi_integrations::MIGRATOR).await,
            vault_way: over(options.vault_way.as_deref(), &vault_url),
            vault_url,
            nats_url: over(options.nats_way.as_deref(), &workapi_testkit::nats_url()),
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

    pub(crate) async fn integrations(&self) -> workapi_integrations::Service {
        let config = workapi_integrations::Config {
            listen: LOCALHOST,
            postgres_url: self.integrations_url.clone(),
            max_connections: 10,
            nats_url: self.nats_url.clone(),
            nats_prefix: self.prefix.clone(),
            catalogue: self.catalogue.clone(),
            key_ring: self.key_ring(),
            user_tokens: workapi_integrations::UserTokenSettings {
                issuer: "work-api".to_owned(),
                audience: "work-api".to_owned(),
                lifetime: Duration::from_hours(28 * 24),
            },
            admin_token: SecretString::from(ADMIN_TOKEN),
            internal_token: SecretString::from(INTERNAL_TOKEN),
        };
        workapi_integrations::Service::build(
            config,
            self.options.clock.clone(),
            &self.health,
            &self.metrics,
        )
        .await
        .expect("integrations builds")
    }

    pub(crate) async fn auth(&self, integrations_url: &str) -> workapi_auth::Service {
        let config = workapi_auth::Config {
            listen: LOCALHOST,
            postgres_url: self.vault_way.clone(),
            max_connections: 10,
            nats_url: self.nats_url.clone(),
            nats_prefix: self.prefix.clone(),
            redis_url: self.redis_url.clone(),
            redis_prefix: self.prefix.clone(),
            catalogue: self.catalogue.clone(),
            key_ring: Arc::new(self.key_ring()),
            spill_directory: None,
            public_url: Url::parse(PUBLIC_URL).expect("a valid URL"),
            integrations_url: integrations_url.to_owned(),
            admin_token: SecretString::from(ADMIN_TOKEN),
            internal_token: SecretString::from(INTERNAL_TOKEN),
            intervals: workapi_auth::Intervals {
                schedule: Duration::from_millis(50),
                recovery: Duration::from_millis(500),
                expiry: Duration::from_millis(100),
                projection: Duration::from_millis(100),
                upkeep: self.options.upkeep,
            },
        };
        let shutdown = self.shutdown.clone();
        workapi_auth::Service::build(config, &self.health, &self.metrics, shutdown)
            .await
            .expect("auth builds")
    }

    pub(crate) async fn token_refresher(&self) -> workapi_token_refresher::Service {
        let config = workapi_token_refresher::Config {
            postgres_url: self.vault_way.clone(),
            max_connections: 10,
            nats_url: self.nats_url.clone(),
            nats_prefix: self.prefix.clone(),
            redis_url: Some(self.redis_url.clone()),
            redis_prefix: self.prefix.clone(),
            // However busy the machine is, a test means Redis when it says so.
            redis_patience: Duration::from_secs(5),
            replicas: u32::try_from(self.options.replicas)
                .ok()
                .and_then(NonZeroU32::new)
                .expect("there is at least one replica"),
            catalogue: self.catalogue.clone(),
            key_ring: Arc::new(self.key_ring()),
            spill_directory: None,
            concurrency: workapi_token_refresher::Config::DEFAULT_CONCURRENCY,
            at_once: workapi_token_refresher::Config::DEFAULT_AT_ONCE,
        };
        let shutdown = self.shutdown.clone();
        workapi_token_refresher::Service::build(config, &self.health, &self.metrics, shutdown)
            .await
            .expect("the refresher builds")
    }

    pub(crate) async fn gateway(
        &self,
        integrations_url: &str,
        auth_url: &str,
    ) -> workapi_gateway::Service {
        let config = workapi_gateway::Config {
            rest: Listener::bind(LOCALHOST).await.expect("a free port"),
            admin_listen: LOCALHOST,
            integrations_url: integrations_url.to_owned(),
            auth_url: auth_url.to_owned(),
            admin_token: SecretString::from(ADMIN_TOKEN),
            max_concurrent_requests: workapi_gateway::Config::DEFAULT_MAX_CONCURRENT_REQUESTS,
        };
        workapi_gateway::Service::build(
            config,
            self.options.clock.clone(),
            &self.health,
            &self.metrics,
        )
        .await
        .expect("the gateway builds")
    }

    pub(crate) async fn bus(&self) -> workapi_bus::Bus {
        workapi_bus::Bus::connect(&workapi_bus::Config {
            url: workapi_testkit::nats_url(),
            prefix: self.prefix.clone(),
            name: "test",
        })
        .await
        .expect("NATS answers")
    }
}

/// Loads the embedded manifests and those that the test brings.
fn catalogue(options: &Options, sandbox_url: &Url) -> Catalogue {
    let written = TempDir::new().expect("a temporary directory");
    for (provider, text) in &options.manifests {
        let text = text.replace("{sandbox}", sandbox_url.as_str().trim_end_matches('/'));
        let file = written.path().join(format!("{provider}.toml"));
        std::fs::write(file, text).expect("a manifest is written");
    }
    let directory = options.providers_dir.as_deref();
    let directory = directory.unwrap_or(written.path());
    Catalogue::load(Some(sandbox_url), Some(directory)).expect("the manifests are in order")
}

fn over(way: Option<&Proxy>, url: &SecretString) -> SecretString {
    way.map_or_else(|| url.clone(), |way| way.lead(url))
}
