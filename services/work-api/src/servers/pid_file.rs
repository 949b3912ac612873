//! A note of each server that we start, so that one that outlived us (after a
//! `kill -9`) is found and stopped by the next start.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::identity::Identity;
use crate::data_dir::write_atomically;

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Signals in the order in which they are tried, and how long each may take.
pub(super) type StopSignals = [(Signal, Duration); 3];

#[derive(Serialize, Deserialize)]
struct Note {
    pid: i32,
    identity: Identity,
}

/// The file that names one server's process.
#[derive(Clone, Debug)]
pub(super) struct PidFile(PathBuf);

impl PidFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Notes the process `pid`.
    pub(super) fn write(&self, pid: Pid) -> io::Result<()> {
        let Some(identity) = Identity::of(pid) else {
            return Ok(()); // It has ended already; there is nothing to find later.
        };
        let note = Note {
            pid: pid.as_raw_pid(),
            identity,
        };
        write_atomically(&self.0, &serde_json::to_vec(&note)?)
    }

    /// Forgets the process.
    pub(super) fn remove(&self) {
        // A file that stays names a process that has ended, which the next start finds out.
        let _ = fs::remove_file(&self.0);
    }

    /// Stops the process that an earlier run left behind, if there is one, and
    /// returns its id.
    pub(super) async fn stop_leftover(&self, signals: &StopSignals) -> Option<Pid> {
        let leftover = self.running();
        if let Some((pid, identity)) = &leftover {
            stop(*pid, identity, signals).await;
        }
        self.remove();
        leftover.map(|(pid, _)| pid)
    }

    fn running(&self) -> Option<(Pid, Identity)> {
        let note: Note = serde_json::from_slice(&fs::read(&self.0).ok()?).ok()?;
        let pid = Pid::from_raw(note.pid)?;
        let identity = Identity::of(pid)?;
        (identity == note.identity).then_some((pid, identity))
    }
}

async fn stop(pid: Pid, identity: &Identity, signals: &StopSignals) {
    let ended = async {
        while Identity::of(pid).as_ref() == Some(identity) {
            sleep(POLL_INTERVAL).await;
        }
    };
    tokio::pin!(ended);
    for (signal, patience) in signals {
        // An error means that it has ended in between.
        let _ = kill_process(pid, *signal);
        if timeout(*patience, &mut ended).await.is_ok() {
            return;
        }
    }
}
