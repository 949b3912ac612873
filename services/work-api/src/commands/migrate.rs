//! `work-api migrate`: brings both databases to the newest schema.

use std::process::ExitCode;

use clap::Args;
use workapi_config::Settings;

use crate::console;
use crate::databases::Databases;

/// Whether to change anything.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Change nothing; list what is missing, and exit with 1 if anything is
    #[arg(long)]
    check: bool,
}

/// Migrates, or tells what a migration would do.
pub(crate) async fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let databases = Databases::of(settings)?;
    if !options.check {
        console::progress("migrating the databases of integrations and the vault");
        databases.migrate().await?;
        console::progress("both databases have the newest schema");
        return Ok(ExitCode::SUCCESS);
    }
    let pending = databases.pending().await?;
    for migration in &pending {
        console::result(migration)?;
    }
    if pending.is_empty() {
        console::progress("both databases have the newest schema");
        Ok(ExitCode::SUCCESS)
    } else {
        console::progress("run `work-api migrate` to apply what is listed");
        Ok(ExitCode::FAILURE)
    }
}
