//! `work-api admin return-origin`.

use clap::{Args, Subcommand};
use serde_json::Value;
use workapi_proto::integrations::v1::{
    AddReturnOriginRequest, ListReturnOriginsRequest, RemoveReturnOriginRequest,
};
use workapi_types::EnvironmentGuid;

use super::Connection;
use crate::cli::{Format, Output};
use crate::console;

/// What to do with the return origins of an environment.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Command {
    /// Allow the return addresses of an origin, or one exact URI with a private-use scheme
    Add(Allowance),
    /// List what is allowed
    List {
        /// The guid of the environment
        #[arg(long, value_name = "GUID")]
        environment: EnvironmentGuid,
        #[command(flatten)]
        output: Output,
    },
    /// Withdraw an allowance
    Remove(Allowance),
}

/// An origin of an environment.
#[derive(Debug, Args)]
pub(crate) struct Allowance {
    /// The guid of the environment
    #[arg(long, value_name = "GUID")]
    environment: EnvironmentGuid,
    #[arg(help = "Such as https://app.example.com, or com.example.app:/done")]
    origin: String,
}

/// Does what the command line asks for.
pub(super) async fn run(command: Command, connection: &Connection) -> anyhow::Result<()> {
    match command {
        Command::Add(allowance) => add(connection, allowance).await,
        Command::List {
            environment,
            output,
        } => list(connection, environment, output.output).await,
        Command::Remove(allowance) => remove(connection, allowance).await,
    }
}

async fn add(connection: &Connection, allowance: Allowance) -> anyhow::Result<()> {
    let request = connection.request(AddReturnOriginRequest {
        environment_guid: allowance.environment.to_string(),
        origin: allowance.origin,
    })?;
    let answer = connection.environments().add_return_origin(request).await;
    let added = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    Ok(console::result(added.origin)?)
}

async fn list(
    connection: &Connection,
    environment: EnvironmentGuid,
    format: Format,
) -> anyhow::Result<()> {
    let request = connection.request(ListReturnOriginsRequest {
        environment_guid: environment.to_string(),
    })?;
    let answer = connection.environments().list_return_origins(request).await;
    let origins = answer
        .map_err(|status| connection.explain(status))?
        .into_inner()
        .origins;
    match format {
        Format::Plain => {
            for origin in origins {
                console::result(origin)?;
            }
        }
        Format::Json => console::result(Value::from(origins))?,
    }
    Ok(())
}

async fn remove(connection: &Connection, allowance: Allowance) -> anyhow::Result<()> {
    let request = connection.request(RemoveReturnOriginRequest {
        environment_guid: allowance.environment.to_string(),
        origin: allowance.origin,
    })?;
    let answer = connection
        .environments()
        .remove_return_origin(request)
        .await;
    answer.map_err(|status| connection.explain(status))?;
    Ok(())
}
