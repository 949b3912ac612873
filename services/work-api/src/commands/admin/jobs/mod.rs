//! `work-api admin jobs`.

mod explain;
mod list;
mod repair;

use std::str::FromStr;

use anyhow::bail;
use clap::{Args, Subcommand};
use workapi_proto::auth::v1::{JobTarget, job_target};
use workapi_types::IntegrationId;

use super::Connection;
use crate::cli::Output;

/// What to do with jobs that nobody could finish.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Command {
    /// List dead letters and stuck credentials, the oldest first
    List(ListOptions),
    /// Explain one of them: what happened, what happens next, what can be done
    Explain(Choice),
    /// Make a credential due at once, and remove its dead letters
    Retry(Choice),
    /// Remove dead letters; their credentials stay as they are
    Drop(Choice),
}

/// How much to list.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// How many dead letters and how many stuck credentials at most, up to 1000
    #[arg(long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
    /// Go on after this dead letter, as the page before says
    #[arg(
        long,
        value_name = "SEQUENCE",
        default_value_t = 0,
        hide_default_value = true
    )]
    after: u64,
    #[command(flatten)]
    output: Output,
}

/// Which one.
#[derive(Debug, Args)]
pub(crate) struct Choice {
    #[arg(
        value_name = "ID",
        help = "An integration, or the sequence of a dead letter"
    )]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// An integration, or a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Integration(IntegrationId),
    DeadLetter(u64),
}

/// Does what the command line asks for.
pub(super) async fn run(command: Command, connection: &Connection) -> anyhow::Result<()> {
    match command {
        Command::List(options) => list::run(connection, &options).await,
        Command::Explain(choice) => explain::run(connection, choice).await,
        Command::Retry(choice) => repair::retry(connection, choice).await,
        Command::Drop(choice) => repair::drop(connection, choice).await,
    }
}

impl FromStr for Target {
    type Err = anyhow::Error;

    /// Reads an id. No sequence has as many digits as an integration's id.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Integration(id));
        }
        match text.parse() {
            Ok(sequence) if sequence > 0 => Ok(Self::DeadLetter(sequence)),
            _ => bail!("neither an integration's 24 hexadecimal digits nor a dead letter's number"),
        }
    }
}

impl From<Target> for JobTarget {
    fn from(target: Target) -> Self {
        Self {
            target: Some(match target {
                Target::Integration(id) => job_target::Target::IntegrationId(id.into()),
                Target::DeadLetter(sequence) => job_target::Target::DeadLetter(sequence),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integration_is_told_from_a_dead_letter_by_its_length() {
        let id = "012345678901234567890123";

        assert_eq!(
            id.parse::<Target>().unwrap(),
            Target::Integration(id.parse().unwrap())
        );
        assert_eq!("17".parse::<Target>().unwrap(), Target::DeadLetter(17));
        for neither in ["", "0", "-1", "x", "64b7", "99999999999999999999"] {
            assert!(neither.parse::<Target>().is_err(), "{neither:?}");
        }
    }
}
