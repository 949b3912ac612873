//! `bench-refresh`: see docs/benchmarks.md.

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use workapi_benches::due_selection::Selection;
use workapi_benches::on_demand::Calls;
use workapi_benches::throughput::{self, NatsSync};
use workapi_benches::{Urls, console};

/// Measures how many rotations are committed in a second and what each costs, what it costs to find
/// what is due, and how long an access token on demand takes.
///
/// Exits with 1 when a credential was not rotated just once, and with 2 when nothing was measured.
#[derive(Debug, Parser)]
struct Cli {
    /// What is measured
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "rotations,due-selection,on-demand"
    )]
    parts: Vec<Part>,
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
    /// Among how many credentials the due ones are looked for; one run for each
    #[arg(long, value_delimiter = ',', default_value = "10000,2000000")]
    stored: Vec<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Rotations per second.
    Rotations,
    /// What a claim reads, and how long it takes.
    DueSelection,
    /// Access tokens that are there.
    OnDemand,
}

/// How many claims are measured.
const CLAIMS: usize = 50;
/// How many credentials are asked for access tokens, and how often.
const ASKED: u32 = 10_000;
const CALLS: usize = 100_000;

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
    for part in &cli.parts {
        match part {
            Part::Rotations => is_sound &= rotations(cli, &urls).await?,
            Part::DueSelection => due_selection(cli, &urls).await?,
            Part::OnDemand => on_demand(cli, &urls).await?,
        }
    }
    Ok(is_sound)
}

async fn rotations(cli: &Cli, urls: &Urls) -> anyhow::Result<bool> {
    let mut is_sound = true;
    for sync in &cli.sync {
        let report = throughput::run(&cli.options, urls, *sync).await?;
        report.print();
        is_sound &= report.is_sound();
    }
    Ok(is_sound)
}

async fn due_selection(cli: &Cli, urls: &Urls) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut selections = Vec::new();
    for credentials in &cli.stored {
        show(cli, began, &format!("storing {credentials} credentials"));
        selections.push(Selection::measure(urls, *credentials, CLAIMS).await?);
    }
    Selection::print(&selections);
    Ok(())
}

async fn on_demand(cli: &Cli, urls: &Urls) -> anyhow::Result<()> {
    let line = format!("connecting {ASKED} credentials and asking for {CALLS} access tokens");
    show(cli, Instant::now(), &line);
    Calls::measure(urls, ASKED, CALLS).await?.print();
    Ok(())
}

fn show(cli: &Cli, began: Instant, line: &str) {
    if !cli.options.quiet {
        console::progress(began.elapsed(), line);
    }
}
