//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{admin, apt, demo, dev, healthcheck, migrate, with_servers};
use crate::programs::Program;

const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("WORK_API_COMMIT"),
    ")"
);

const AFTER_HELP: &str = "\
Settings come from the file, WORK_API_* variables win over it, and options over both:
see work-api check-config.

Exit codes: 0 done, 1 failed, 2 wrong usage, 64 bad configuration.";

/// Connects the accounts of your users at mail, calendar and file providers,
/// keeps their tokens alive, and acts for them.
#[derive(Debug, Parser)]
#[command(name = "work-api", version = VERSION, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// A TOML file with settings
    #[arg(
        long,
        value_name = "FILE",
        env = "WORK_API_CONFIG",
        hide_env_values = true
    )]
    #[arg(global = true, help_heading = "Global options")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole product, its servers included, for development
    Dev(dev::Options),
    /// Take a running dev through everything that it does, and show each step
    Demo(demo::Options),
    #[command(flatten)]
    Program(Program),
    /// Bring the databases to the newest schema
    Migrate(migrate::Options),
    /// Administrate environments, provider configs, return origins, credentials and jobs
    Admin(admin::Options),
    /// Sign an account provider token (APT), with which an application creates users
    Apt(apt::Options),
    /// Tell whether a running instance is ready: exit code 0 or 1
    Healthcheck(healthcheck::Options),
    /// Check the settings, and show each one and where it was given
    CheckConfig(Output),
    /// Run a command beside fresh PostgreSQL, NATS and Valkey servers, as the tests do
    #[command(hide = true)]
    WithServers(with_servers::Options),
}

/// How results are printed.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// How to print the result: plain or json
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Plain)]
    #[arg(hide_possible_values = true)]
    pub(crate) output: Format,
}

/// A form of results: a line for people and `$(…)`, or JSON for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Plain,
    Json,
}

/// Parses where to listen, as the setting of the same meaning is parsed.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "not an IP address with a port, such as 127.0.0.1:8080 or [::]:8080".to_owned()
    })
}
