//! `work-api healthcheck`: asks a running instance whether it is ready.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;
use url::Url;
use workapi_config::Settings;

use crate::console;
use crate::dev_json::DevJson;

const DEADLINE: Duration = Duration::from_secs(5);

/// Which instance to ask, and what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The base of the instance's metrics port [default: that of the settings, or else of the dev]
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// The data directory of the dev to ask [default: .work-api]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Ask only whether it is alive (/livez), not whether it is ready (/readyz)
    #[arg(long)]
    live: bool,
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
        .map_err(|error| {
            // What lies between says the URL and the same thing again.
            let error = anyhow::Error::from(error);
            anyhow!("nothing answers at {url}: {}", error.root_cause())
        })?;

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
        (None, Some(data_dir), _) => Ok(DevJson::read(data_dir)?.metrics_url),
        (None, None, Some(address)) => Ok(Url::parse(&format!("http://{}", reachable(address)))?),
        (None, None, None) => Ok(DevJson::read(&settings.data_dir)?.metrics_url),
    }
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
