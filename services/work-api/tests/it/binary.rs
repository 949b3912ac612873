//! Runs `work-api` without any of our own settings.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Returns a command that sees no `WORK_API_*` setting of whoever runs the tests.
pub(crate) fn work_api() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_work-api"));
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"WORK_API_") {
            command.env_remove(name);
        }
    }
    command
}

/// Returns a `with-servers` that finds the pinned servers, wherever it runs.
pub(crate) fn with_servers() -> Command {
    let mut command = work_api();
    command.arg("with-servers");
    command.env("WORK_API_SERVERS_DIR", servers_dir());
    command
}

/// Returns where the pinned servers are.
pub(crate) fn servers_dir() -> PathBuf {
    match std::env::var_os("WORK_API_TEST_SERVERS_DIR") {
        Some(dir) => dir.into(),
        None => concat!(env!("CARGO_MANIFEST_DIR"), "/../../.dev/servers").into(),
    }
}

/// Returns what a command wrote to standard output, without the last line's end.
pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap().trim_end()
}

/// Returns what a command wrote to standard error.
pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}
