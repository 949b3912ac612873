//! `work-api admin provider secret`.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use workapi_proto::auth::v1::{
    AddClientSecretRequest, ClientSecret, ListClientSecretsRequest, RemoveClientSecretRequest,
};
use workapi_types::EnvironmentGuid;

use super::Connection;
use super::connection::rfc3339;
use super::provider::read_secret;
use crate::cli::{Format, Output};
use crate::console;

/// What to do with the secrets of a client.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Command {
    /// Add a client secret beside those that there are, and print its id
    Add {
        #[command(flatten)]
        client: Client,
        /// A file with the client secret; it is sealed and never shown again
        #[arg(long, value_name = "FILE")]
        client_secret_file: PathBuf,
        /// Try it before the others [default: after them]
        #[arg(long)]
        first: bool,
        #[command(flatten)]
        output: Output,
    },
    /// List the client secrets in the order in which they are tried: id, position, creation time
    List {
        #[command(flatten)]
        client: Client,
        #[command(flatten)]
        output: Output,
    },
    /// Remove a client secret, unless it is the last one
    Remove {
        #[command(flatten)]
        client: Client,
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// The OAuth client of an environment at a provider.
#[derive(Debug, Args)]
pub(crate) struct Client {
    /// The guid of the environment
    #[arg(long, value_name = "GUID")]
    environment: EnvironmentGuid,
    /// The provider
    #[arg(long, value_name = "NAME")]
    provider: String,
}

/// Does what the command line asks for.
pub(super) async fn run(command: Command, connection: &Connection) -> anyhow::Result<()> {
    match command {
        Command::Add {
            client,
            client_secret_file,
            first,
            output,
        } => {
            let request = AddClientSecretRequest {
                environment_guid: client.environment.to_string(),
                provider: client.provider,
                client_secret: read_secret(&client_secret_file)?,
                first,
            };
            add(connection, request, output.output).await
        }
        Command::List { client, output } => list(connection, client, output.output).await,
        Command::Remove { client, id } => {
            let request = connection.request(RemoveClientSecretRequest {
                environment_guid: client.environment.to_string(),
                provider: client.provider,
                id,
            })?;
            let answer = connection.providers().remove_client_secret(request).await;
            answer.map_err(|status| connection.explain(status))?;
            Ok(())
        }
    }
}

async fn add(
    connection: &Connection,
    request: AddClientSecretRequest,
    format: Format,
) -> anyhow::Result<()> {
    let request = connection.request(request)?;
    let answer = connection.providers().add_client_secret(request).await;
    let added = answer
        .map_err(|status| connection.explain(status))?
        .into_inner()
        .client_secret
        .context("the answer holds no client secret")?;
    match format {
        Format::Plain => console::result(&added.id)?,
        Format::Json => console::result(as_json(&added)?)?,
    }
    Ok(())
}

async fn list(connection: &Connection, client: Client, format: Format) -> anyhow::Result<()> {
    let request = connection.request(ListClientSecretsRequest {
        environment_guid: client.environment.to_string(),
        provider: client.provider,
    })?;
    let answer = connection.providers().list_client_secrets(request).await;
    let secrets = answer
        .map_err(|status| connection.explain(status))?
        .into_inner()
        .client_secrets;
    match format {
        Format::Plain => {
            for secret in &secrets {
                let (id, position) = (&secret.id, secret.position);
                let created_at = rfc3339(secret.created_at)?;
                console::result(format_args!("{id}  {position}  {created_at}"))?;
            }
        }
        Format::Json => {
            let list: Vec<Value> = secrets.iter().map(as_json).collect::<Result<_, _>>()?;
            console::result(Value::from(list))?;
        }
    }
    Ok(())
}

fn as_json(secret: &ClientSecret) -> anyhow::Result<Value> {
    Ok(json!({
        "id": secret.id,
        "position": secret.position,
        "created_at": rfc3339(secret.created_at)?,
    }))
}
