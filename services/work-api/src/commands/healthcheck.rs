//! `work-api healthcheck`: asks a running instance whether it is ready.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;
use url::Url;
use workapi_config::Settings;

use crate::console;

const DEADLINE: Duration = Duration::from_secs(5);

/// Which instance to ask, and what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The base of the instance's metrics port; default: `WORK_API_METRICS_LISTEN`, or else the
    /// `dev` of the data directory
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// Where that `dev` keeps its state
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Ask only whether it is alive (/livez), not whether it is ready (/readyz)
    #[arg(long)]
    live: bool,
}

/// The part of `dev.json` that is needed here.
#[derive(Deserialize)]
struct Dev {
    metrics_url: Url,
}

/// Asks, and answers with the exit code.
pub(crate) async fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let base = base(options, settings)?;
    let url = base.join(if options.live { "livez" } else { "readyz" })?;
    let answer = reqwest::Client::builder()
        .timeout(DEADLINE)
        .no_proxy()
        .build()?
        .get(url.clone())
        .send()
        .await
        .with_context(|| format!("nothing answers at {url}"))?;

    let status = answer.status();
    if status.is_success() {
        console::result("ok")?;
        return Ok(ExitCode::SUCCESS);
    }
    let reason = answer.text().await.unwrap_or_default();
    bail!("{url} answers {status}: {}", reason.trim())
}

fn base(options: &Options, settings: &Settings) -> anyhow::Result<Url> {
    match (&options.url, &options.data_dir, settings.metrics_listen) {
        (Some(url), _, _) => Ok(url.clone()),
        (None, Some(data_dir), _) => dev(data_dir),
        (None, None, Some(address)) => Ok(Url::parse(&format!("http://{}", reachable(address)))?),
        (None, None, None) => dev(&settings.data_dir),
    }
}

fn dev(data_dir: &Path) -> anyhow::Result<Url> {
    let file = data_dir.join("dev.json");
    let text = fs::read(&file)
        .with_context(|| format!("no work-api dev runs on {}", data_dir.display()))?;
    let dev: Dev = serde_json::from_slice(&text)
        .with_context(|| format!("cannot understand {}", file.display()))?;
    Ok(dev.metrics_url)
}

/// An instance that listens everywhere is asked on the loopback interface.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
