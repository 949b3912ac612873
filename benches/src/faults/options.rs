//! How a run of the fault bench is set.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// What a run does, and for how long.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The data directory of the servers; without it they are left alone
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where chance begins; default: anywhere
    #[arg(long)]
    pub seed: Option<u64>,
    /// How many credentials there are: 8 in 10 of class D, one each of C and A
    #[arg(long, default_value_t = 2000)]
    pub credentials: usize,
    /// The life of access tokens, in seconds
    #[arg(long, default_value_t = 5)]
    pub token_seconds: u32,
    /// How many replicas of token-refresher run
    #[arg(long, default_value_t = 3)]
    pub refreshers: usize,
    /// How many replicas of auth run
    #[arg(long, default_value_t = 2)]
    pub auths: usize,
    /// The pause between two kills, on average
    #[arg(long, default_value_t = 3000)]
    pub kill_every_ms: u64,
    /// How often token requests fail, compared with the usual
    #[arg(long, default_value_t = 1.0)]
    pub fault_rate: f64,
    /// The longest delay of an answer, in seconds
    #[arg(long, default_value_t = 40)]
    pub longest_delay: u64,
    /// How long the refreshers wait for an answer, in seconds. A lease lasts 30 seconds longer, and
    /// no request may take effect after it
    #[arg(long, default_value_t = 20)]
    pub deadline: u64,
    /// The run goes on at least this long, in seconds
    #[arg(long, default_value_t = 720)]
    pub seconds: u64,
    /// The run goes on until the provider has recorded so many rotations
    #[arg(long, default_value_t = 20_000)]
    pub rotations: u64,
    /// The run goes on until so many processes were killed
    #[arg(long, default_value_t = 200)]
    pub kills: u64,
    /// The run ends after so many seconds, whatever was reached
    #[arg(long, default_value_t = 840)]
    pub at_most: u64,
    /// When the faults are over, do not wait for leases of processes that are gone
    #[arg(long)]
    pub end_leases: bool,
    /// Show nothing while it runs
    #[arg(long)]
    pub quiet: bool,
}

impl Options {
    /// Returns how long the refreshers wait for an answer.
    pub(super) fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline)
    }
}
