//! The environment that a newcomer finds: `dev`, with a client at the sandbox.

use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use workapi_proto::auth::v1::SetProviderConfigRequest;
use workapi_proto::integrations::v1::{
    CreateEnvironmentRequest, Environment, ListEnvironmentsRequest,
};
use workapi_types::EnvironmentGuid;

use super::keys::admin_token_path;
use super::product::Product;
use super::sandbox;
use crate::commands::admin::Connection;
use crate::data_dir::DataDir;
use crate::dev_json::DevJson;
use crate::key_pair::KeyPair;

const ENVIRONMENT: &str = "dev";
const PRIVATE_KEY: &str = "dev-environment.pem";

/// Makes the environment at the first start, finds it at later ones, and returns where everything
/// is.
pub(super) async fn seed(data_dir: &DataDir, product: &Product) -> anyhow::Result<DevJson> {
    let mut dev = dev_json(data_dir, product)?;
    let connection = Connection::to_dev(&dev)?;
    let environment = environment(&connection, &dev.private_key_path)
        .await
        .context("the dev environment could not be made")?;
    dev.environment_guid = environment.parse()?;
    let client_secret = sandbox::register_client(&product.clients, &product.public_url).await?;
    let request = SetProviderConfigRequest {
        environment_guid: environment,
        provider: "sandbox".to_owned(),
        client_id: sandbox::CLIENT_ID.to_owned(),
        client_secret,
    };
    let answer = connection
        .providers()
        .set_provider_config(connection.request(request)?)
        .await;
    answer.map_err(|status| connection.explain(status))?;
    Ok(dev)
}

/// Finds the environment by its key, so that a start that was cut off leaves no second one.
async fn environment(connection: &Connection, private_key: &Path) -> anyhow::Result<String> {
    let public_key = if private_key.exists() {
        KeyPair::read_public_pem(private_key)?
    } else {
        let pair = KeyPair::generate()?;
        pair.write_private_key(private_key)?;
        pair.public_pem().to_owned()
    };
    let listed = connection
        .environments()
        .list_environments(connection.request(ListEnvironmentsRequest {})?)
        .await
        .map_err(|status| connection.explain(status))?;
    let mut environments = listed.into_inner().environments.into_iter();
    let has_key = |environment: &Environment| environment.public_key.trim() == public_key.trim();
    if let Some(found) = environments.find(has_key) {
        return Ok(found.guid);
    }
    let request = CreateEnvironmentRequest {
        name: ENVIRONMENT.to_owned(),
        public_key,
        loopback_return_allowed: true,
    };
    let created = connection
        .environments()
        .create_environment(connection.request(request)?)
        .await;
    let created = created
        .map_err(|status| connection.explain(status))?
        .into_inner();
    Ok(created
        .environment
        .context("the answer holds no environment")?
        .guid)
}

fn dev_json(data_dir: &DataDir, product: &Product) -> anyhow::Result<DevJson> {
    let private_key_path: PathBuf = data_dir.path().join(PRIVATE_KEY);
    Ok(DevJson {
        url: product.public_url.clone(),
        // Known once the environment is.
        environment_guid: EnvironmentGuid::random(),
        private_key_path,
        admin_url: product.admin_url.clone(),
        admin_token_path: admin_token_path(data_dir),
        sandbox_url: product.sandbox_url.clone(),
        sandbox_admin_url: product.sandbox_admin_url.clone(),
        metrics_url: product.metrics_url.clone(),
        integrations_grpc_url: product.integrations_url.clone(),
        auth_grpc_url: product.auth_url.clone(),
        postgres_url: exposed(product.settings.postgres_url.as_ref()),
        redis_url: exposed(product.settings.redis_url.as_ref()),
        nats_url: exposed(product.settings.nats_url.as_ref()),
    })
}

fn exposed(url: Option<&SecretString>) -> String {
    url.map(|url| url.expose_secret().to_owned())
        .unwrap_or_default()
}
