//! Why the servers cannot run. Every message says what to do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::plan::Plan;
use super::process::last_lines;

/// What stands in the way of the servers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "the servers are not in {dir}: fetch them with `make servers`, name their folder with --servers-dir, \
         or set WORK_API_POSTGRES_URL, WORK_API_NATS_URL and WORK_API_REDIS_URL"
    )]
    NotFetched { dir: PathBuf },
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody: \
         start work-api as another user, or set WORK_API_POSTGRES_URL"
    )]
    NoUnprivilegedUser,
    #[error(
        "the user {user} cannot run PostgreSQL from {home}: set WORK_API_POSTGRES_HOME to a folder \
         that this user can reach (no folder above it may be closed to others)"
    )]
    Unreachable { user: String, home: PathBuf },
    #[error("cannot prepare PostgreSQL in {home}{}", advice(source).unwrap_or_default())]
    PostgresHome { home: PathBuf, source: io::Error },
    #[error(
        "{data} was made by PostgreSQL {found}, and this is PostgreSQL {ours}: move the folder away, \
         or upgrade it with pg_upgrade"
    )]
    OtherPostgres {
        data: PathBuf,
        found: String,
        ours: &'static str,
    },
    #[error(
        "PostgreSQL could not create its files in {data}{}\n{output}",
        hint(output)
    )]
    Initdb { data: PathBuf, output: String },
    #[error("cannot read or write {path}{}", advice(source).unwrap_or_default())]
    State { path: PathBuf, source: io::Error },
    #[error("the system gives no port on the loopback interface")]
    NoPort(#[source] io::Error),
    #[error("cannot start {program}")]
    Spawn { program: PathBuf, source: io::Error },
    #[error("{server} {what}{}; the end of {log}:\n{tail}", hint(tail))]
    NotReady {
        server: &'static str,
        /// That it ended, or took too long.
        what: String,
        log: PathBuf,
        tail: String,
    },
    #[error(
        "{server} has ended again and again and is not started any more; the end of {log}:\n{tail}"
    )]
    KeepsEnding {
        server: &'static str,
        log: PathBuf,
        tail: String,
    },
}

impl Error {
    /// Says that a server did not become ready, in its own words.
    pub(super) fn not_ready(plan: &Plan, what: String) -> Self {
        Self::NotReady {
            server: plan.name,
            what,
            log: plan.log.clone(),
            tail: tail(&plan.log),
        }
    }

    /// Says that a server does not stay up, in its own words.
    pub(super) fn keeps_ending(plan: &Plan) -> Self {
        Self::KeepsEnding {
            server: plan.name,
            log: plan.log.clone(),
            tail: tail(&plan.log),
        }
    }
}

fn tail(log: &Path) -> String {
    last_lines(&fs::read(log).unwrap_or_default())
}

fn advice(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
            ": the disk is full, make room or choose another place (--data-dir, WORK_API_POSTGRES_HOME)",
        ),
        io::ErrorKind::PermissionDenied => Some(": this user may not write there"),
        io::ErrorKind::ReadOnlyFilesystem => Some(": the disk is read-only"),
        _ => None,
    }
}

/// What to do about the trouble that a server's own words tell of.
fn hint(output: &str) -> &'static str {
    const HINTS: [(&str, &str); 4] = [
        (
            "No space left on device",
            " (the disk is full: make room, or choose another place with --data-dir or WORK_API_POSTGRES_HOME)",
        ),
        (
            "Permission denied",
            " (it may not use its files: was the data directory used by another user?)",
        ),
        (
            "ddress already in use",
            " (another program took its port: start again to get another one)",
        ),
        (
            "error while loading shared libraries",
            " (its files cannot be read: fetch them anew, see `make help`)",
        ),
    ];
    HINTS
        .iter()
        .find(|(words, _)| output.contains(words))
        .map_or("", |(_, hint)| hint)
}
