//! `bench-refresh`: see docs/benchmarks.md.

use std::process::ExitCode;

use clap::Parser;
use workapi_benches::throughput::{self, NatsSync};
use workapi_benches::{Urls, console};

/// Measures how many rotations are committed in a second, and what each costs.
///
/// Exits with 1 when a credential was not rotated just once, and with 2 when nothing was measured.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: throughput::Options,
    /// When NATS brings what it acknowledges to the disk; one run for each
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "always,default"
    )]
    sync: Vec<NatsSync>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match bench(&cli).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            console::say(format_args!("INCONCLUSIVE: {error:#}"));
            ExitCode::from(2)
        }
    }
}

async fn bench(cli: &Cli) -> anyhow::Result<bool> {
    let urls = Urls::from_environment()?;
    let mut is_sound = true;
    for sync in &cli.sync {
        let report = throughput::run(&cli.options, &urls, *sync).await?;
        report.print();
        is_sound &= report.is_sound();
    }
    Ok(is_sound)
}
