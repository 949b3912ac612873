//! How one server is started, recognised as ready, and stopped.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::account::Account;
use super::pid_file::{PidFile, StopSignals};
use super::probe::Probe;

/// Everything that is needed to run one server on one port.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// As people know it: PostgreSQL, NATS, Valkey.
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) account: Option<Account>,
    pub(super) port: u16,
    pub(super) probe: Probe,
    pub(super) stop_signals: StopSignals,
    pub(super) log: PathBuf,
    pub(super) pid_file: PidFile,
}

/// Returns a command for `program` that is cut off from us: no terminal, no
/// environment, no working directory, and a process group of its own, so that a
/// Ctrl-C reaches us alone and we decide in which order things stop.
pub(super) fn detached(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}
