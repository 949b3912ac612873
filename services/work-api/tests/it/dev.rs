//! A `work-api dev` of a test's own.

use std::fs::{self, Permissions};
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal};
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use workapi_testkit::{nats_url, postgres_url, redis_url, unique_prefix};

use crate::binary::{servers_dir, work_api};
use crate::process::{Ended, Process};

const SERVERS: [&str; 3] = ["postgres", "nats", "valkey"];

/// A `dev` that is ready.
pub(crate) struct Dev {
    process: Process,
    data_dir: PathBuf,
    tour: String,
    json: Value,
}

/// Returns a folder that the user of PostgreSQL can reach, should we be root.
pub(crate) fn data_dir() -> TempDir {
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .unwrap()
}

/// Returns a `dev` on `data_dir` with servers of its own.
pub(crate) fn dev(data_dir: &Path) -> Command {
    let mut command = work_api();
    command
        .args(["dev", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .env("WORK_API_SERVERS_DIR", servers_dir())
        .env("WORK_API_POSTGRES_HOME", data_dir.join("postgres"));
    command
}

/// Returns a `dev` on `data_dir` that starts no server, but uses those of the test run.
pub(crate) async fn dev_on_shared_servers(data_dir: &Path) -> Command {
    let integrations = workapi_testkit::database(&workapi_integrations::MIGRATOR).await;
    let vault = workapi_testkit::database(&workapi_vault::MIGRATOR).await;
    let prefix = unique_prefix();
    let mut command = dev(data_dir);
    for (name, url) in [
        ("WORK_API_POSTGRES_URL", postgres_url()),
        ("WORK_API_INTEGRATIONS_POSTGRES_URL", integrations),
        ("WORK_API_VAULT_POSTGRES_URL", vault),
        ("WORK_API_NATS_URL", nats_url()),
        ("WORK_API_REDIS_URL", redis_url()),
    ] {
        command.env(name, url.expose_secret());
    }
    command
        .env("WORK_API_NATS_PREFIX", &prefix)
        .env("WORK_API_REDIS_PREFIX", &prefix);
    command
}

impl Dev {
    /// Starts `command` and waits until it is ready.
    pub(crate) async fn start(command: Command, data_dir: &Path) -> Self {
        let mut process = Process::start(command);
        let mut stdout = BufReader::new(process.take_stdout());
        let mut tour = String::new();
        while !tour.contains("demo --data-dir") {
            let read = stdout.read_line(&mut tour).await.unwrap();
            assert_ne!(read, 0, "dev has ended: {}", process.stderr());
        }
        tokio::spawn(async move { tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await });
        let json = fs::read(data_dir.join("dev.json")).unwrap();
        Self {
            process,
            data_dir: data_dir.to_path_buf(),
            tour,
            json: serde_json::from_slice(&json).unwrap(),
        }
    }

    /// Returns a member of dev.json.
    pub(crate) fn json(&self, member: &str) -> &str {
        self.json[member].as_str().unwrap()
    }

    /// Returns the whole of dev.json.
    pub(crate) fn whole_json(&self) -> &Value {
        &self.json
    }

    /// Returns what it has printed when it was ready.
    pub(crate) fn tour(&self) -> &str {
        &self.tour
    }

    /// Returns the processes of the servers that it has started.
    pub(crate) fn servers(&self) -> Vec<Pid> {
        let pid = |server| {
            let note = fs::read(self.data_dir.join(format!("run/{server}.json"))).ok()?;
            let note: Value = serde_json::from_slice(&note).ok()?;
            Pid::from_raw(note["pid"].as_i64()?.try_into().ok()?)
        };
        SERVERS.into_iter().filter_map(pid).collect()
    }

    /// Presses Ctrl-C and waits for the end.
    pub(crate) async fn stop(self) -> Ended {
        self.process.stop(Signal::INT).await
    }

    /// Waits for the end.
    pub(crate) async fn ended(self) -> Ended {
        self.process.ended().await
    }
}

impl Deref for Dev {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}
