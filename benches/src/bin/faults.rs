//! `bench-faults`: see docs/benchmarks.md.

use std::process::ExitCode;

use clap::Parser;
use workapi_benches::{Urls, console, faults};

/// Kills, stops and starves everything, and accounts for every rotation.
///
/// Exits with 1 when something was lost and with 2 when nothing is proved.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: faults::Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match bench(cli.options).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            console::say(format_args!("INCONCLUSIVE: {error:#}"));
            ExitCode::from(2)
        }
    }
}

async fn bench(options: faults::Options) -> anyhow::Result<u8> {
    let report = faults::run(options, Urls::from_environment()?).await?;
    report.print();
    Ok(report.exit_code())
}
