//! `work-api admin provider`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};
use workapi_proto::auth::v1::{
    DeleteProviderConfigRequest, ListProviderConfigsRequest, ProviderConfig,
    SetProviderConfigRequest,
};
use workapi_types::EnvironmentGuid;

use super::connection::rfc3339;
use super::{Connection, provider_secret};
use crate::cli::{Format, Output};
use crate::console;

/// What to do with an environment's OAuth clients.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Command {
    /// Set the OAuth client of an environment at a provider, with one secret instead of all others
    Set {
        /// The guid of the environment
        #[arg(long, value_name = "GUID")]
        environment: EnvironmentGuid,
        /// The provider, such as gmail
        #[arg(long, value_name = "NAME")]
        provider: String,
        /// The client id that the provider gave you
        #[arg(long, value_name = "ID")]
        client_id: String,
        /// A file with the client secret; it is sealed and never shown again
        #[arg(long, value_name = "FILE")]
        client_secret_file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// List the OAuth clients, without their secrets
    List {
        /// Only those of this environment
        #[arg(long, value_name = "GUID")]
        environment: Option<EnvironmentGuid>,
        #[command(flatten)]
        output: Output,
    },
    /// Delete the OAuth client of an environment at a provider, unless integrations depend on it
    Delete {
        /// The guid of the environment
        #[arg(long, value_name = "GUID")]
        environment: EnvironmentGuid,
        /// The provider
        #[arg(long, value_name = "NAME")]
        provider: String,
    },
    /// Add, list and remove the secrets of a client, so that one can be changed without a gap
    #[command(subcommand)]
    Secret(provider_secret::Command),
}

/// Does what the command line asks for.
pub(super) async fn run(command: Command, connection: &Connection) -> anyhow::Result<()> {
    match command {
        Command::Set {
            environment,
            provider,
            client_id,
            client_secret_file,
            output,
        } => {
            let request = SetProviderConfigRequest {
                environment_guid: environment.to_string(),
                provider,
                client_id,
                client_secret: read_secret(&client_secret_file)?,
            };
            set(connection, request, output.output).await
        }
        Command::List {
            environment,
            output,
        } => list(connection, environment, output.output).await,
        Command::Delete {
            environment,
            provider,
        } => {
            let request = DeleteProviderConfigRequest {
                environment_guid: environment.to_string(),
                provider,
            };
            let answer = connection
                .providers()
                .delete_provider_config(connection.request(request)?)
                .await;
            answer.map_err(|status| connection.explain(status))?;
            Ok(())
        }
        Command::Secret(command) => provider_secret::run(command, connection).await,
    }
}

async fn set(
    connection: &Connection,
    request: SetProviderConfigRequest,
    format: Format,
) -> anyhow::Result<()> {
    let answer = connection
        .providers()
        .set_provider_config(connection.request(request)?)
        .await;
    let answer = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    let config = answer
        .provider_config
        .context("the answer holds no provider config")?;
    print(&[config], format, false)
}

async fn list(
    connection: &Connection,
    environment: Option<EnvironmentGuid>,
    format: Format,
) -> anyhow::Result<()> {
    let request = ListProviderConfigsRequest {
        environment_guid: environment.map(|guid| guid.to_string()).unwrap_or_default(),
    };
    let answer = connection
        .providers()
        .list_provider_configs(connection.request(request)?)
        .await;
    let configs = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    print(&configs.provider_configs, format, true)
}

fn print(configs: &[ProviderConfig], format: Format, as_list: bool) -> anyhow::Result<()> {
    match format {
        Format::Plain => {
            for config in configs {
                let (guid, provider) = (&config.environment_guid, &config.provider);
                console::result(format_args!("{guid}  {provider}  {}", config.client_id))?;
            }
        }
        Format::Json => {
            let mut values: Vec<Value> = configs.iter().map(as_json).collect::<Result<_, _>>()?;
            let single = if as_list { None } else { values.pop() };
            console::result(single.unwrap_or_else(|| values.into()))?;
        }
    }
    Ok(())
}

fn as_json(config: &ProviderConfig) -> anyhow::Result<Value> {
    Ok(json!({
        "environment_guid": config.environment_guid,
        "provider": config.provider,
        "client_id": config.client_id,
        "created_at": rfc3339(config.created_at)?,
        "updated_at": rfc3339(config.updated_at)?,
    }))
}

/// A text editor ends a file with a line break, which no secret has.
pub(super) fn read_secret(file: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("cannot read the client secret in {}", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
