//! Valkey, the Redis that we start.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::pid_file::StopSignals;
use super::plan::Plan;
use super::probe::Probe;
use super::state::Access;
use super::{Durability, Error, Files};
use crate::data_dir::write_atomically;

pub(super) const STOP_SIGNALS: StopSignals = [
    (Signal::TERM, Duration::from_secs(3)),
    (Signal::INT, Duration::from_secs(1)),
    (Signal::KILL, Duration::from_secs(1)),
];

/// Says how Valkey is started with its data in `folder`, and writes its configuration there.
pub(super) fn plan(
    program: &Path,
    folder: &Path,
    access: &Access,
    files: Files,
    durability: Durability,
) -> Result<Plan, Error> {
    let path = folder.join("valkey.conf");
    let text = configuration(folder, access, durability);
    write_atomically(&path, text.as_bytes()).map_err(|source| Error::State {
        path: path.clone(),
        source,
    })?;
    Ok(Plan {
        name: "Valkey",
        program: program.to_path_buf(),
        args: vec![path.into_os_string()],
        account: None,
        port: access.port,
        probe: Probe::ValkeyPing {
            password: access.password.clone(),
        },
        stop_signals: STOP_SIGNALS,
        log: files.log,
        pid_file: files.pid_file,
    })
}

/// Returns the URL of the server.
pub(super) fn url(access: &Access) -> String {
    let Access { port, password } = access;
    format!("redis://:{password}@127.0.0.1:{port}")
}

fn configuration(folder: &Path, access: &Access, durability: Durability) -> String {
    let Access { port, password } = access;
    // The format reads double-quoted strings with these escapes.
    let folder = folder
        .to_string_lossy()
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    // Authorizations in progress outlive a restart of `dev`.
    let append_only = match durability {
        Durability::Durable => "yes",
        Durability::Throwaway => "no",
    };
    format!(
        "bind 127.0.0.1\n\
         port {port}\n\
         requirepass {password}\n\
         dir \"{folder}\"\n\
         maxmemory-policy noeviction\n\
         save \"\"\n\
         appendonly {append_only}\n"
    )
}
