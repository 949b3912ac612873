//! The commands, one file each.

pub(crate) mod apt;
mod check_config;
pub(crate) mod healthcheck;
pub(crate) mod with_servers;

use std::path::Path;
use std::process::ExitCode;

use workapi_config::{Loaded, Settings};

use crate::cli::{Cli, Command};

/// Does what the command line asks for.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = cli.config.as_deref();
    match cli.command {
        Command::Apt(options) => apt::run(&options)?,
        Command::Healthcheck(options) => {
            return healthcheck::run(&options, &load(config)?.settings).await;
        }
        Command::CheckConfig(output) => check_config::run(output.output, &load(config)?)?,
        Command::WithServers(options) => {
            return with_servers::run(options, load(config)?.settings).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Loads the settings from `config` and this process's environment.
fn load(config: Option<&Path>) -> Result<Loaded, workapi_config::Error> {
    Settings::load(config, std::env::vars_os())
}
