//! NATS with JetStream.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::pid_file::StopSignals;
use super::plan::Plan;
use super::probe::Probe;
use super::state::Access;
use super::{Durability, Error, Files};
use crate::data_dir::write_atomically;

const USER: &str = "workapi";

pub(super) const STOP_SIGNALS: StopSignals = [
    (Signal::TERM, Duration::from_secs(3)),
    (Signal::INT, Duration::from_secs(1)),
    (Signal::KILL, Duration::from_secs(1)),
];

/// Says how NATS is started with its data in `folder`, and writes its configuration there.
pub(super) fn plan(
    program: &Path,
    folder: &Path,
    access: &Access,
    files: Files,
    durability: Durability,
) -> Result<Plan, Error> {
    let path = folder.join("nats.conf");
    let text = configuration(&folder.join("store"), access, durability);
    write_atomically(&path, text.as_bytes()).map_err(|source| Error::State {
        path: path.clone(),
        source,
    })?;
    Ok(Plan {
        name: "NATS",
        program: program.to_path_buf(),
        args: vec!["--config".into(), path.into_os_string()],
        account: None,
        port: access.port,
        probe: Probe::NatsGreeting,
        stop_signals: STOP_SIGNALS,
        log: files.log,
        pid_file: files.pid_file,
    })
}

/// Returns the URL of the server.
pub(super) fn url(access: &Access) -> String {
    let Access { port, password } = access;
    format!("nats://{USER}:{password}@127.0.0.1:{port}")
}

/// Strings are written as JSON, which the format reads with the same escapes.
fn configuration(store: &Path, access: &Access, durability: Durability) -> String {
    let Access { port, password } = access;
    let store = serde_json::Value::from(store.to_string_lossy());
    // An acknowledged journal entry has to be on the disk (refresh protocol, section 6).
    let sync_interval = match durability {
        Durability::Durable => "sync_interval: always",
        Durability::Throwaway => "",
    };
    format!(
        "listen: \"127.0.0.1:{port}\"\n\
         authorization {{ user: {USER}, password: \"{password}\" }}\n\
         jetstream {{\n  store_dir: {store}\n  {sync_interval}\n}}\n"
    )
}
