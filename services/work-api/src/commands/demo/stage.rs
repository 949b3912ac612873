//! What the demo needs for itself: an environment, a client at the sandbox, a view of the bus.

use anyhow::Context;
use jsonwebtoken::EncodingKey;
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
    /// Makes an environment with a client at the sandbox.
    pub(super) async fn set(dev: &DevJson) -> anyhow::Result<Self> {
        let admin = Connection::to_dev(dev)?;
        let pair = KeyPair::generate()?;
        let request = admin.request(CreateEnvironmentRequest {
            name: "work-api demo".to_owned(),
            public_key: pair.public_pem().to_owned(),
            loopback_return_allowed: true,
        })?;
        let created = admin.environments().create_environment(request).await;
        let created = created
            .map_err(|status| admin.explain(status))?
            .into_inner();
        let environment_guid = created
            .environment
            .context("the answer holds no environment")?
            .guid;

        let provider = Provider::register(dev).await?;
        let request = admin.request(SetProviderConfigRequest {
            environment_guid: environment_guid.clone(),
            provider: "sandbox".to_owned(),
            client_id: provider.client_id().to_owned(),
            client_secret: provider.client_secret().to_owned(),
        })?;
        let set = admin.providers().set_provider_config(request).await;
        set.map_err(|status| admin.explain(status))?;
        let key: EncodingKey = pair.signing_key()?;
        Ok(Self {
            api: Api::new(dev, &environment_guid, key)?,
            browser: Browser::new()?,
            provider,
            bus: Bus::connect(&workapi_bus::Config {
                url: SecretString::from(dev.nats_url.as_str()),
                prefix: nats_prefix(),
                name: "work-api demo",
            })
            .await?,
            environment_guid,
            admin,
        })
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

/// `dev.json` has no prefix: whoever starts `dev` with one says so to `demo` too.
fn nats_prefix() -> String {
    std::env::var("WORK_API_NATS_PREFIX").unwrap_or_default()
}
