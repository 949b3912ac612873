//! The servers that the programs run on: where they are, and how to make them fail.
//!
//! `work-api with-servers` starts them and starts them again; their process ids are in its data
//! directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::cpu;

/// How long a server may take to come back.
const RESTART: Duration = Duration::from_secs(30);

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Postgres,
    Nats,
    Valkey,
}

impl Server {
    pub(crate) const ALL: [Self; 3] = [Self::Postgres, Self::Nats, Self::Valkey];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Nats => "nats",
            Self::Valkey => "valkey",
        }
    }
}

/// Where the servers are reached.
#[derive(Clone, Debug)]
pub struct Urls {
    /// PostgreSQL, with no database of ours.
    pub postgres: SecretString,
    /// NATS.
    pub nats: SecretString,
    /// Valkey.
    pub redis: SecretString,
}

impl Urls {
    /// Finds the servers of `work-api with-servers`.
    ///
    /// # Errors
    /// Says how to run the bench, when it runs on its own.
    pub fn from_environment() -> anyhow::Result<Self> {
        let url = |name: &str| {
            std::env::var(name)
                .map(SecretString::from)
                .with_context(|| {
                    format!("{name} is not set: run `make bench-faults` or `make bench-refresh`")
                })
        };
        Ok(Self {
            postgres: url("WORK_API_TEST_POSTGRES_URL")?,
            nats: url("WORK_API_TEST_NATS_URL")?,
            redis: url("WORK_API_TEST_REDIS_URL")?,
        })
    }
}

/// The servers in the hands of who may stop them.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    data_dir: PathBuf,
    redis: SecretString,
}

impl Servers {
    pub(crate) fn new(data_dir: &Path, urls: &Urls) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            redis: urls.redis.clone(),
        }
    }

    /// Returns the process id of a server.
    pub(crate) fn pid(&self, server: Server) -> anyhow::Result<u32> {
        let path = self.data_dir.join(format!("run/{}.json", server.name()));
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let note: Value = serde_json::from_slice(&text)?;
        let pid = note["pid"].as_u64().and_then(|pid| pid.try_into().ok());
        pid.with_context(|| format!("{} names no process", path.display()))
    }

    /// Returns the processor time that a server has used, with its children.
    pub(crate) fn cpu(&self, server: Server) -> Duration {
        self.pid(server).map(cpu::of_tree).unwrap_or_default()
    }

    /// Stops a server in the middle of whatever it does, for a while.
    pub(crate) async fn freeze(&self, server: Server, length: Duration) -> anyhow::Result<()> {
        let processes = cpu::tree(self.pid(server)?);
        // The first makes the others; it must not while we stop them.
        signal(&processes, Signal::STOP);
        sleep(length).await;
        signal(&processes, Signal::CONT);
        Ok(())
    }

    /// Stops a server for a while, and then has it end and start again.
    pub(crate) async fn restart(&self, server: Server, length: Duration) -> anyhow::Result<()> {
        let before = self.pid(server)?;
        let processes = cpu::tree(before);
        signal(&processes, Signal::STOP);
        sleep(length).await;
        let end = match server {
            // At once, without a checkpoint: the next start recovers from the log.
            Server::Postgres => Signal::QUIT,
            Server::Nats | Server::Valkey => Signal::TERM,
        };
        signal(&[before], end);
        signal(&processes, Signal::CONT);
        let back = async {
            while self.pid(server).is_ok_and(|pid| pid == before) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = timeout(RESTART, back).await;
        waited.with_context(|| format!("{} did not start again", server.name()))
    }

    /// Removes every key from Valkey.
    pub(crate) async fn flush_valkey(&self) -> anyhow::Result<()> {
        let url = Url::parse(self.redis.expose_secret())?;
        let host = url.host_str().context("the URL of Valkey has no host")?;
        let port = url.port().unwrap_or(6379);
        let mut stream = TcpStream::connect((host, port)).await?;
        let password = url.password().unwrap_or_default();
        let commands = format!("AUTH {password}\r\nFLUSHALL\r\nQUIT\r\n");
        stream.write_all(commands.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        match answer.matches("+OK").count() {
            3 => Ok(()),
            _ => bail!("Valkey did not flush"),
        }
    }

    /// Says how often NATS brings its data to the disk: before each acknowledgement, or every two
    /// minutes as it does by default. It is restarted.
    pub(crate) async fn sync_nats_always(&self, always: bool) -> anyhow::Result<()> {
        const SETTING: &str = "sync_interval: always";
        const DEFAULT: &str = "# sync by default";
        let path = self.data_dir.join("nats/nats.conf");
        let text = fs::read_to_string(&path)?;
        let (from, to) = if always {
            (DEFAULT, SETTING)
        } else {
            (SETTING, DEFAULT)
        };
        if text.contains(to) && !text.contains(from) {
            return Ok(());
        }
        fs::write(&path, text.replace(from, to))?;
        self.restart(Server::Nats, Duration::ZERO).await
    }
}

fn signal(processes: &[u32], signal: Signal) {
    for pid in processes {
        if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
            // An error means that it has ended in between.
            let _ = kill_process(pid, signal);
        }
    }
}
