//! The commands, one file each.

pub(crate) mod admin;
pub(crate) mod apt;
mod check_config;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod healthcheck;
pub(crate) mod migrate;
pub(crate) mod with_servers;

use std::path::Path;
use std::process::ExitCode;

use workapi_config::{Loaded, Settings};

use crate::cli::{Cli, Command};
use crate::programs;

/// Does what the command line asks for.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = cli.config.as_deref();
    match cli.command {
        Command::Dev(options) => dev::run(options, load(config)?).await?,
        Command::Demo(options) => demo::run(options, &load(config)?.settings).await?,
        // On the heap: it holds a whole service while that is built.
        Command::Program(program) => {
            Box::pin(programs::run(program, load(config)?.settings)).await?;
        }
        Command::Migrate(options) => {
            return migrate::run(&options, &load(config)?.settings).await;
        }
        Command::Admin(options) => {
            return admin::run(options, &load(config)?.settings).await;
        }
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
