//! `work-api admin restore`.

use anyhow::Context;
use clap::Subcommand;
use prost_types::Timestamp;
use serde_json::{Value, json};
use workapi_proto::auth::v1::{GetRestoreStatusRequest, Quarantine, ReleaseQuarantineRequest};

use super::Connection;
use super::connection::rfc3339;
use crate::cli::{Format, Output};
use crate::console;

/// What to do about a vault that was restored from a backup.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Command {
    /// Show the last quarantine, and how far the repair of the vault is
    Status(Output),
    /// End the quarantine: refresh tokens of the classes C and D are sent again
    Release {
        /// Although the repair is not done: tokens may be sent that are spent
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        output: Output,
    },
}

/// Does what the command line asks for.
pub(super) async fn run(command: Command, connection: &Connection) -> anyhow::Result<()> {
    match command {
        Command::Status(output) => status(connection, output.output).await,
        Command::Release { force, output } => release(connection, force, output.output).await,
    }
}

async fn status(connection: &Connection, format: Format) -> anyhow::Result<()> {
    let request = connection.request(GetRestoreStatusRequest {})?;
    let answer = connection.restore().get_restore_status(request).await;
    let answer = answer.map_err(|status| connection.explain(status))?;
    print(answer.into_inner().quarantine.as_ref(), format)
}

async fn release(connection: &Connection, force: bool, format: Format) -> anyhow::Result<()> {
    let request = connection.request(ReleaseQuarantineRequest { force })?;
    let answer = connection.restore().release_quarantine(request).await;
    let answer = answer.map_err(|status| connection.explain(status))?;
    let quarantine = answer.into_inner().quarantine;
    print(
        Some(&quarantine.context("the answer holds no quarantine")?),
        format,
    )
}

fn print(quarantine: Option<&Quarantine>, format: Format) -> anyhow::Result<()> {
    match (format, quarantine) {
        (Format::Plain, None) => console::result("quarantine  never")?,
        (Format::Plain, Some(quarantine)) => {
            for (name, value) in lines(quarantine)? {
                console::result(format_args!("{name:<11} {value}"))?;
            }
        }
        (Format::Json, None) => console::result(Value::Null)?,
        (Format::Json, Some(quarantine)) => console::result(as_json(quarantine)?)?,
    }
    Ok(())
}

fn lines(quarantine: &Quarantine) -> anyhow::Result<Vec<(&'static str, String)>> {
    let state = match quarantine.ended_at {
        Some(ended) => format!("ended {} by {}", rfc3339(Some(ended))?, quarantine.ended_by),
        None => format!("since {}", rfc3339(quarantine.started_at)?),
    };
    let known = quarantine
        .watermark
        .map_or_else(|| "an unknown number".to_owned(), |count| count.to_string());
    let step = |at: Option<Timestamp>, done: String| match at {
        Some(_) => done,
        None => "not yet".to_owned(),
    };
    Ok(vec![
        ("quarantine", state),
        ("commits", format!("{} of {known}", quarantine.commits)),
        (
            "deletions",
            step(quarantine.deletions_replayed_at, "replayed".to_owned()),
        ),
        (
            "grants",
            step(
                quarantine.grants_folded_at,
                format!("{} folded", quarantine.grants_folded),
            ),
        ),
        (
            "rotations",
            step(
                quarantine.rotations_folded_at,
                format!("{} folded", quarantine.rotations_folded),
            ),
        ),
        ("failed", quarantine.entries_failed.to_string()),
    ])
}

fn as_json(quarantine: &Quarantine) -> anyhow::Result<Value> {
    let time = |at: Option<Timestamp>| at.map(|at| rfc3339(Some(at))).transpose();
    Ok(json!({
        "id": quarantine.id,
        "started_at": rfc3339(quarantine.started_at)?,
        "commits": quarantine.commits,
        "watermark": quarantine.watermark,
        "deletions_replayed_at": time(quarantine.deletions_replayed_at)?,
        "grants_folded_at": time(quarantine.grants_folded_at)?,
        "grants_folded": quarantine.grants_folded,
        "rotations_folded_at": time(quarantine.rotations_folded_at)?,
        "rotations_folded": quarantine.rotations_folded,
        "entries_failed": quarantine.entries_failed,
        "ended_at": time(quarantine.ended_at)?,
        "ended_by": (!quarantine.ended_by.is_empty()).then_some(&quarantine.ended_by),
    }))
}
