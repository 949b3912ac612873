//! `work-api admin environment`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};
use workapi_proto::integrations::v1::{
    CreateEnvironmentRequest, DeleteEnvironmentRequest, Environment, GetEnvironmentRequest,
    ImportEnvironmentRequest, ListEnvironmentsRequest,
};
use workapi_types::EnvironmentGuid;

use super::Connection;
use super::connection::rfc3339;
use crate::cli::{Format, Output};
use crate::console;
use crate::key_pair::KeyPair;

/// What to do with environments.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Command {
    /// Create an environment and print its guid; the private key never leaves this machine
    Create {
        /// What you call it
        #[arg(long)]
        name: String,
        /// Where to write the new private key; an existing file is refused
        #[arg(long, value_name = "FILE")]
        key_out: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Take over an environment that exists elsewhere, so that its applications move over unchanged
    Import {
        /// Its guid
        #[arg(long, value_name = "GUID")]
        guid: EnvironmentGuid,
        /// Its public RSA key of 2048 to 4096 bits, as PEM (SPKI)
        #[arg(long, value_name = "FILE")]
        public_key: PathBuf,
        /// What you call it [default: the guid]
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// List the environments
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show one environment with its public key
    Show {
        /// Its guid
        #[arg(value_name = "GUID")]
        guid: EnvironmentGuid,
        #[command(flatten)]
        output: Output,
    },
    /// Delete an environment with all its users and integrations; what they connected is revoked
    Delete {
        /// Its guid
        #[arg(value_name = "GUID")]
        guid: EnvironmentGuid,
    },
}

/// Does what the command line asks for.
pub(super) async fn run(command: Command, connection: &Connection) -> anyhow::Result<()> {
    match command {
        Command::Create {
            name,
            key_out,
            output,
        } => {
            let created = create(connection, &name, &key_out).await?;
            print(&created, output.output)
        }
        Command::Import {
            guid,
            public_key,
            name,
            output,
        } => {
            let imported = import(connection, guid, &public_key, name).await?;
            print(&imported, output.output)
        }
        Command::List { output } => list(connection, output.output).await,
        Command::Show { guid, output } => show(connection, guid, output.output).await,
        Command::Delete { guid } => delete(connection, guid).await,
    }
}

/// Writes the key first: a key without an environment is a useless file, an environment without
/// its key is useless for good.
async fn create(
    connection: &Connection,
    name: &str,
    key_out: &Path,
) -> anyhow::Result<Environment> {
    let pair = KeyPair::generate()?;
    pair.write_private_key(key_out)?;
    let request = CreateEnvironmentRequest {
        name: name.to_owned(),
        public_key: pair.public_pem().to_owned(),
        loopback_return_allowed: false,
    };
    let answer = connection
        .environments()
        .create_environment(connection.request(request)?)
        .await;
    let created = answer.map_err(|status| {
        // Nobody has the other half of this key.
        let _ = fs::remove_file(key_out);
        connection.explain(status)
    })?;
    created
        .into_inner()
        .environment
        .context("the answer holds no environment")
}

async fn import(
    connection: &Connection,
    guid: EnvironmentGuid,
    public_key: &Path,
    name: String,
) -> anyhow::Result<Environment> {
    let pem = fs::read_to_string(public_key)
        .with_context(|| format!("cannot read the public key {}", public_key.display()))?;
    let request = ImportEnvironmentRequest {
        guid: guid.to_string(),
        public_key: pem,
        name,
    };
    let answer = connection
        .environments()
        .import_environment(connection.request(request)?)
        .await;
    let imported = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    imported
        .environment
        .context("the answer holds no environment")
}

async fn list(connection: &Connection, format: Format) -> anyhow::Result<()> {
    let request = connection.request(ListEnvironmentsRequest {})?;
    let answer = connection.environments().list_environments(request).await;
    let environments = answer
        .map_err(|status| connection.explain(status))?
        .into_inner()
        .environments;
    match format {
        Format::Plain => {
            for environment in &environments {
                let created_at = rfc3339(environment.created_at)?;
                console::result(format_args!(
                    "{}  {created_at}  {}",
                    environment.guid, environment.name
                ))?;
            }
        }
        Format::Json => {
            let list: Vec<Value> = environments.iter().map(as_json).collect::<Result<_, _>>()?;
            console::result(Value::from(list))?;
        }
    }
    Ok(())
}

async fn show(
    connection: &Connection,
    guid: EnvironmentGuid,
    format: Format,
) -> anyhow::Result<()> {
    let request = connection.request(GetEnvironmentRequest {
        guid: guid.to_string(),
    })?;
    let answer = connection.environments().get_environment(request).await;
    let answer = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    let environment = answer
        .environment
        .context("the answer holds no environment")?;
    match format {
        Format::Plain => {
            console::result(format_args!("guid        {}", environment.guid))?;
            console::result(format_args!("name        {}", environment.name))?;
            console::result(format_args!(
                "created_at  {}",
                rfc3339(environment.created_at)?
            ))?;
            console::result(environment.public_key.trim_end())?;
        }
        Format::Json => {
            let mut shown = as_json(&environment)?;
            shown["public_key"] = environment.public_key.into();
            console::result(shown)?;
        }
    }
    Ok(())
}

async fn delete(connection: &Connection, guid: EnvironmentGuid) -> anyhow::Result<()> {
    let request = connection.request(DeleteEnvironmentRequest {
        guid: guid.to_string(),
    })?;
    let answer = connection.environments().delete_environment(request).await;
    answer.map_err(|status| connection.explain(status))?;
    console::progress(&format!(
        "deleted {guid}; what its users connected is being revoked"
    ));
    Ok(())
}

/// Prints an environment that has just come to be: plainly, only its guid, for scripts.
fn print(environment: &Environment, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Plain => console::result(&environment.guid)?,
        Format::Json => console::result(as_json(environment)?)?,
    }
    Ok(())
}

fn as_json(environment: &Environment) -> anyhow::Result<Value> {
    Ok(json!({
        "guid": environment.guid,
        "name": environment.name,
        "created_at": rfc3339(environment.created_at)?,
    }))
}
