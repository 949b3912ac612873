//! `work-api demo`: takes a running `dev` through everything that the product does, and shows
//! each step with its result.
//!
//! It works in an environment of its own, with short-lived tokens, and deletes it in the end.

mod api;
mod browser;
mod provider;
mod stage;
mod steps;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use workapi_config::Settings;

use self::stage::Stage;
use crate::console;
use crate::dev_json::DevJson;

/// Which `dev` to show.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The data directory of the dev [default: .work-api]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Runs every step; fails with the first that does not do what it says.
pub(crate) async fn run(options: Options, settings: &Settings) -> anyhow::Result<()> {
    let data_dir = options.data_dir.as_ref().unwrap_or(&settings.data_dir);
    let dev = DevJson::read(data_dir)?;
    let stage = Stage::set(&dev, &settings.nats_prefix).await?;
    console::result(format_args!("The tour of Work API at {}", dev.url))?;
    let shown = tokio::select! {
        shown = steps::show(&stage) => shown,
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(anyhow::Error::from)
            .and_then(|()| bail!("interrupted")),
    };
    let cleared = stage.clear().await;
    shown?;
    cleared?;
    console::result("\nEvery step did what it says.")?;
    Ok(())
}
