//! Tells whether a process is still the one that we started: process ids are
//! used again, start times are not.

use std::path::PathBuf;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

/// What stays the same for the life of a process and differs between two that
/// had the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    started: String,
    executable: PathBuf,
}

impl Identity {
    /// Returns the identity of the process with id `pid`; nothing when it has ended.
    #[cfg(target_os = "linux")]
    pub(super) fn of(pid: Pid) -> Option<Self> {
        use std::fs;

        let pid = pid.as_raw_pid();
        // A process that has ended but that nobody has waited for has no executable.
        let executable = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The start time is the 22nd field; the second, the name in brackets, may hold spaces.
        let (_, after_name) = stat.rsplit_once(')')?;
        let ticks_since_boot = after_name.split_whitespace().nth(19)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(Self {
            started: format!("{} {ticks_since_boot}", boot.trim()),
            executable: without_deleted_mark(executable),
        })
    }

    /// Returns the identity of the process with id `pid`; nothing when it has ended.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(pid: Pid) -> Option<Self> {
        let output = std::process::Command::new("/bin/ps")
            .args(["-o", "lstart=,comm=", "-p"])
            .arg(pid.as_raw_pid().to_string())
            .env("LC_ALL", "C")
            .output()
            .ok()?;
        // `lstart` has a fixed width: Thu Jan  1 00:00:00 1970.
        const START_TIME_WIDTH: usize = 24;
        let line = String::from_utf8(output.stdout).ok()?;
        let (started, executable) = line.trim_end().split_at_checked(START_TIME_WIDTH)?;
        Some(Self {
            started: started.to_owned(),
            executable: executable.trim().into(),
        })
    }

    /// Returns the file name of the program.
    pub(super) fn program(&self) -> Option<&str> {
        self.executable.file_name()?.to_str()
    }
}

/// Linux marks a running program whose file was replaced.
#[cfg(target_os = "linux")]
fn without_deleted_mark(executable: PathBuf) -> PathBuf {
    match executable
        .to_str()
        .and_then(|text| text.strip_suffix(" (deleted)"))
    {
        Some(text) => text.into(),
        None => executable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_identity_until_it_ends() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);

        let first = Identity::of(pid).unwrap();
        let second = Identity::of(pid).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();

        assert_eq!(first, second);
        assert_eq!(Identity::of(pid), None);
    }
}
