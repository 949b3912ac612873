//! What the demo needs for itself: an environment, a client at the sandbox, a view of the bus.

use anyhow::Context;
use secrecy::SecretString;
use workapi_bus::Bus;
use workapi_proto::auth::v1::SetProviderConfigRequest;
use workapi_proto::integrations::v1::{CreateEnvironmentRequest, DeleteEnvironmentRequest};

use super::api::Api;
use super::browser::Browser;
use super::provider::Provider;
use crate::commands::admin::Connection;
use crate::dev_json::DevJson;
use crate::key_pair::KeyPair;

/// The environment of one demo, and everything around it.
pub(super) struct Stage {
    pub(super) api: Api,
    pub(super) browser: Browser,
    pub(super) provider: Provider,
    pub(super) bus: Bus,
    environment_guid: String,
    admin: Connection,
}

impl Stage {
    /// Connects to everything, and makes an environment with a client at the sandbox. `dev.json`
    /// has no NATS prefix: whoever started `dev` with one says so here too.
    pub(super) async fn set(dev: &DevJson, nats_prefix: &str) -> anyhow::Result<Self> {
        let bus = workapi_bus::Config {
            url: SecretString::from(dev.nats_url.as_str()),
            prefix: nats_prefix.to_owned(),
            name: "work-api demo",
        };
        let provider = Provider::register(dev).await?;
        let bus = Bus::connect(&bus).await?;
        let admin = Connection::to_dev(dev)?;
        let pair = KeyPair::generate()?;
        let environment_guid = create_environment(&admin, &pair).await?;
        let stage = Self {
            api: Api::new(dev, &environment_guid, pair.signing_key()?)?,
            browser: Browser::new()?,
            provider,
            bus,
            environment_guid,
            admin,
        };
        stage.set_provider().await?;
        Ok(stage)
    }

    async fn set_provider(&self) -> anyhow::Result<()> {
        let request = self.admin.request(SetProviderConfigRequest {
            environment_guid: self.environment_guid.clone(),
            provider: "sandbox".to_owned(),
            client_id: self.provider.client_id().to_owned(),
            client_secret: self.provider.client_secret().to_owned(),
        })?;
        let set = self.admin.providers().set_provider_config(request).await;
        set.map_err(|status| self.admin.explain(status))?;
        Ok(())
    }

    /// Deletes the environment with all that is left in it.
    pub(super) async fn clear(&self) -> anyhow::Result<()> {
        let request = DeleteEnvironmentRequest {
            guid: self.environment_guid.clone(),
        };
        let deleted = self
            .admin
            .environments()
            .delete_environment(self.admin.request(request)?)
            .await;
        deleted.map_err(|status| self.admin.explain(status))?;
        Ok(())
    }
}

async fn create_environment(admin: &Connection, pair: &KeyPair) -> anyhow::Result<String> {
    let request = admin.request(CreateEnvironmentRequest {
        name: "work-api demo".to_owned(),
        public_key: pair.public_pem().to_owned(),
        loopback_return_allowed: true,
    })?;
    let created = admin.environments().create_environment(request).await;
    let created = created.map_err(|status| admin.explain(status))?;
    let environment = created.into_inner().environment;
    Ok(environment.context("the answer holds no environment")?.guid)
}
