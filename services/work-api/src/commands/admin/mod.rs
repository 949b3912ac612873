//! `work-api admin`: environments, provider configs, return origins, credentials and jobs, for
//! operators.

mod connection;
mod credential;
mod credential_check;
mod environment;
mod jobs;
mod provider;
mod provider_secret;
mod restore;
mod return_origin;
mod times;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use url::Url;
use workapi_config::Settings;

pub(crate) use connection::Connection;

const INSTANCE: &str = "Which instance";

/// Which instance, and what about it.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Options {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Command,
}

/// Which instance: one that is named, or the `dev` of a data directory.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The data directory of the dev to talk to [default: .work-api]
    #[arg(long, value_name = "DIR", global = true, help_heading = INSTANCE)]
    data_dir: Option<PathBuf>,
    #[arg(long, value_name = "URL", global = true, help_heading = INSTANCE)]
    #[arg(conflicts_with = "data_dir")]
    #[arg(help = "The admin listener to talk to instead of a dev [env: WORK_API_ADMIN_URL]")]
    admin_url: Option<Url>,
    #[arg(long, value_name = "FILE", global = true, help_heading = INSTANCE)]
    #[arg(conflicts_with = "data_dir")]
    #[arg(help = "The file with its admin token [env: WORK_API_ADMIN_TOKEN_FILE]")]
    admin_token_file: Option<PathBuf>,
}

/// What to administrate.
#[derive(Debug, Subcommand)]
enum Command {
    /// Create, import, list, show and delete environments
    #[command(subcommand)]
    Environment(environment::Command),
    /// Set, list and delete an environment's OAuth clients at providers
    #[command(subcommand)]
    Provider(provider::Command),
    /// See which credentials are well, and make sure of one
    #[command(subcommand)]
    Credential(credential::Command),
    /// List, explain and repair jobs that nobody could finish and credentials that are stuck
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Show and end the quarantine of a vault that was restored from a backup
    #[command(subcommand)]
    Restore(restore::Command),
    /// Allow, list and withdraw where a browser may return after an authorization
    #[command(subcommand)]
    ReturnOrigin(return_origin::Command),
}

/// Does what the command line asks for.
pub(crate) async fn run(options: Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let connection = Connection::to(&options.target, settings)?;
    match options.command {
        Command::Environment(command) => environment::run(command, &connection).await?,
        Command::Provider(command) => provider::run(command, &connection).await?,
        Command::Credential(command) => return credential::run(command, &connection).await,
        Command::Jobs(command) => jobs::run(command, &connection).await?,
        Command::Restore(command) => restore::run(command, &connection).await?,
        Command::ReturnOrigin(command) => return_origin::run(command, &connection).await?,
    }
    Ok(ExitCode::SUCCESS)
}
