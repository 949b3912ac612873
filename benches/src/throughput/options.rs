//! How a run of the throughput bench is set.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use workapi_sandbox::RotationClass;

/// What a run measures.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The data directory of the servers, for their processor time and to set NATS
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// How many credentials are due
    #[arg(long, default_value_t = 100_000)]
    pub credentials: u32,
    /// How the provider rotates: A, B, C or D
    #[arg(long, default_value = "D", value_parser = class)]
    pub class: RotationClass,
    /// How many replicas of token-refresher run
    #[arg(long, default_value_t = 1)]
    pub refreshers: usize,
    /// How many rotations a token-refresher begins at the same time. Its own default is 4, for the
    /// sake of answers in memory; this bench is about throughput
    #[arg(long, default_value_t = 1024)]
    pub at_once: u16,
    /// How long the provider takes to answer, in milliseconds
    #[arg(long, default_value_t = 100)]
    pub latency_ms: u64,
    /// The run ends after so many seconds, whatever was reached
    #[arg(long, default_value_t = 600)]
    pub at_most: u64,
    /// Show nothing while it runs
    #[arg(long)]
    pub quiet: bool,
}

/// When NATS brings what it acknowledges to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NatsSync {
    /// Before it acknowledges, as `dev` runs it: `sync_interval: always`.
    Always,
    /// Every two minutes, which is its default.
    Default,
}

impl Options {
    pub(super) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms)
    }
}

fn class(name: &str) -> Result<RotationClass, String> {
    match name {
        "A" => Ok(RotationClass::A),
        "B" => Ok(RotationClass::B),
        "C" => Ok(RotationClass::C),
        "D" => Ok(RotationClass::D),
        _ => Err("expected A, B, C or D".to_owned()),
    }
}
