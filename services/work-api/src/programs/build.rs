//! From settings to services.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use secrecy::SecretString;
use url::Url;
use workapi_config::{Error, Settings};
use workapi_integrations::UserTokenSettings;
use workapi_keyring::KeyRing;
use workapi_providers::Catalogue;
use workapi_runtime::{Health, Listener, Shutdown};
use workapi_telemetry::Metrics;
use workapi_types::Clock;

/// The `iss` and the `aud` of user tokens: an installation issues them to itself.
const TOKEN_ISSUER: &str = "work-api";

/// The connections of one program to its database.
const MAX_CONNECTIONS: u32 = 16;

/// Builds services that share metrics, health and the catalogue of providers.
#[derive(Clone, Debug)]
pub(crate) struct Builder {
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    /// Where the sandbox is, if there is one.
    pub(crate) sandbox_url: Option<Url>,
}

impl Builder {
    /// Builds the owner of the records.
    pub(crate) async fn integrations(&self) -> anyhow::Result<workapi_integrations::Service> {
        let settings = &self.settings;
        let config = workapi_integrations::Config {
            listen: required(settings.integrations_listen, "integrations_listen")?,
            postgres_url: settings.integrations_database_url()?,
            max_connections: MAX_CONNECTIONS,
            nats_url: self.nats_url()?,
            nats_prefix: settings.nats_prefix.clone(),
            catalogue: self.catalogue()?,
            key_ring: self.key_ring()?,
            user_tokens: UserTokenSettings {
                issuer: TOKEN_ISSUER.to_owned(),
                audience: TOKEN_ISSUER.to_owned(),
                lifetime: settings.user_token_ttl,
            },
            admin_token: self.admin_token()?,
            internal_token: self.internal_token()?,
        };
        let clock = Clock::system();
        Ok(
            workapi_integrations::Service::build(config, clock, &self.health, &self.metrics)
                .await?,
        )
    }

    /// Builds the service that connects integrations.
    pub(crate) async fn auth(&self, shutdown: &Shutdown) -> anyhow::Result<workapi_auth::Service> {
        let settings = &self.settings;
        let config = workapi_auth::Config {
            listen: required(settings.auth_listen, "auth_listen")?,
            postgres_url: settings.vault_database_url()?,
            max_connections: MAX_CONNECTIONS,
            nats_url: self.nats_url()?,
            nats_prefix: settings.nats_prefix.clone(),
            redis_url: required(settings.redis_url.clone(), "redis_url")?,
            redis_prefix: settings.redis_prefix.clone(),
            catalogue: self.catalogue()?,
            key_ring: Arc::new(self.key_ring()?),
            spill_directory: self.spill_directory("auth"),
            public_url: required(settings.public_url.clone(), "public_url")?,
            integrations_url: self.integrations_url()?,
            admin_token: self.admin_token()?,
            internal_token: self.internal_token()?,
            intervals: workapi_auth::Intervals::default(),
        };
        let shutdown = shutdown.clone();
        Ok(workapi_auth::Service::build(config, &self.health, &self.metrics, shutdown).await?)
    }

    /// Builds the service that rotates and revokes.
    pub(crate) async fn token_refresher(
        &self,
        shutdown: &Shutdown,
    ) -> anyhow::Result<workapi_token_refresher::Service> {
        let settings = &self.settings;
        let config = workapi_token_refresher::Config {
            postgres_url: settings.vault_database_url()?,
            max_connections: MAX_CONNECTIONS,
            nats_url: self.nats_url()?,
            nats_prefix: settings.nats_prefix.clone(),
            redis_url: settings.redis_url.clone(),
            redis_prefix: settings.redis_prefix.clone(),
            redis_patience: workapi_token_refresher::Config::DEFAULT_REDIS_PATIENCE,
            replicas: settings.refresher_replicas,
            catalogue: self.catalogue()?,
            key_ring: Arc::new(self.key_ring()?),
            spill_directory: self.spill_directory("token-refresher"),
            concurrency: workapi_token_refresher::Config::DEFAULT_CONCURRENCY,
            at_once: settings.refresher_at_once,
        };
        let shutdown = shutdown.clone();
        let built =
            workapi_token_refresher::Service::build(config, &self.health, &self.metrics, shutdown);
        Ok(built.await?)
    }

    /// Builds the gateway on a listener of the caller's.
    pub(crate) async fn gateway(&self, rest: Listener) -> anyhow::Result<workapi_gateway::Service> {
        let settings = &self.settings;
        let config = workapi_gateway::Config {
            rest,
            admin_listen: required(settings.admin_listen, "admin_listen")?,
            integrations_url: self.integrations_url()?,
            auth_url: base(required(settings.auth_grpc_url.as_ref(), "auth_grpc_url")?),
            admin_token: self.admin_token()?,
            max_concurrent_requests: workapi_gateway::Config::DEFAULT_MAX_CONCURRENT_REQUESTS,
        };
        let clock = Clock::system();
        Ok(workapi_gateway::Service::build(config, clock, &self.health, &self.metrics).await?)
    }

    /// Binds the port of the public REST API.
    pub(crate) async fn rest_listener(settings: &Settings) -> anyhow::Result<Listener> {
        let address = required(settings.gateway_listen, "gateway_listen")?;
        Ok(Listener::bind(address).await?)
    }

    /// Binds the port of metrics and health.
    pub(crate) async fn metrics_listener(&self) -> anyhow::Result<Listener> {
        let address = required(self.settings.metrics_listen, "metrics_listen")?;
        Ok(Listener::bind(address).await?)
    }

    fn catalogue(&self) -> Result<Catalogue, workapi_providers::Error> {
        catalogue(&self.settings, self.sandbox_url.as_ref())
    }

    fn key_ring(&self) -> anyhow::Result<KeyRing> {
        key_ring(&self.settings)
    }

    /// Two programs in one process have a directory each.
    fn spill_directory(&self, program: &str) -> Option<PathBuf> {
        let directory = self.settings.spill_dir.as_ref()?;
        Some(directory.join(program))
    }

    fn nats_url(&self) -> Result<SecretString, Error> {
        required(self.settings.nats_url.clone(), "nats_url")
    }

    fn integrations_url(&self) -> Result<String, Error> {
        let url = self.settings.integrations_grpc_url.as_ref();
        Ok(base(required(url, "integrations_grpc_url")?))
    }

    fn admin_token(&self) -> Result<SecretString, Error> {
        required(self.settings.admin_token.clone(), "admin_token")
    }

    fn internal_token(&self) -> Result<SecretString, Error> {
        required(self.settings.internal_token.clone(), "internal_token")
    }
}

/// Loads the manifests of providers, with the sandbox's if there is one.
pub(crate) fn catalogue(
    settings: &Settings,
    sandbox_url: Option<&Url>,
) -> Result<Catalogue, workapi_providers::Error> {
    Catalogue::load(sandbox_url, settings.providers_dir.as_deref())
}

/// Loads the key ring.
pub(crate) fn key_ring(settings: &Settings) -> anyhow::Result<KeyRing> {
    let path = required(settings.keyring_file.as_ref(), "keyring_file")?;
    KeyRing::load(path).with_context(|| path.display().to_string())
}

fn required<T>(setting: Option<T>, name: &str) -> Result<T, Error> {
    setting.ok_or_else(|| Error::missing(name, None))
}

/// gRPC wants an origin: a trailing slash would become a part of every path.
fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
