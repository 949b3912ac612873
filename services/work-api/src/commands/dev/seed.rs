//! The environment that a newcomer finds: `dev`, with a client at the sandbox.

use std::path::Path;

use anyhow::Context;
use secrecy::ExposeSecret;
use workapi_proto::auth::v1::SetProviderConfigRequest;
use workapi_proto::integrations::v1::{
    CreateEnvironmentRequest, Environment, ListEnvironmentsRequest,
};

use super::keys::admin_token_path;
use super::product::Addresses;
use super::sandbox;
use crate::commands::admin::Connection;
use crate::data_dir::DataDir;
use crate::dev_json::DevJson;
use crate::key_pair::KeyPair;

const ENVIRONMENT: &str = "dev";
const PRIVATE_KEY: &str = "dev-environment.pem";

/// Makes the environment at the first start, finds it at later ones, and returns where everything
/// is.
pub(super) async fn seed(data_dir: &DataDir, addresses: &Addresses) -> anyhow::Result<DevJson> {
    let private_key_path = data_dir.path().join(PRIVATE_KEY);
    let admin_token_path = admin_token_path(data_dir);
    let connection = Connection::with_token_file(&addresses.admin_url, &admin_token_path)?;
    let guid = environment(&connection, &private_key_path)
        .await
        .context("the dev environment could not be made")?;
    let client_secret =
        sandbox::register_client(&addresses.sandbox_clients, &addresses.public_url).await?;
    let request = SetProviderConfigRequest {
        environment_guid: guid.clone(),
        provider: "sandbox".to_owned(),
        client_id: sandbox::CLIENT_ID.to_owned(),
        client_secret,
    };
    let answer = connection
        .providers()
        .set_provider_config(connection.request(request)?)
        .await;
    answer.map_err(|status| connection.explain(status))?;
    Ok(DevJson {
        url: addresses.public_url.clone(),
        environment_guid: guid.parse()?,
        private_key_path,
        admin_url: addresses.admin_url.clone(),
        admin_token_path,
        sandbox_url: addresses.sandbox_url.clone(),
        sandbox_admin_url: addresses.sandbox_admin_url.clone(),
        metrics_url: addresses.metrics_url.clone(),
        integrations_grpc_url: addresses.integrations_url.clone(),
        auth_grpc_url: addresses.auth_url.clone(),
        postgres_url: addresses.servers.postgres.expose_secret().to_owned(),
        redis_url: addresses.servers.redis.expose_secret().to_owned(),
        nats_url: addresses.servers.nats.expose_secret().to_owned(),
    })
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
