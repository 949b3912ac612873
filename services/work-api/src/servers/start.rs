//! Starts the three servers at once, on ports that are free.

use std::io;
use std::path::PathBuf;

use rustix::process::Pid;
use secrecy::SecretString;
use workapi_config::Settings;

use super::binaries::Binaries;
use super::pid_file::PidFile;
use super::plan::Plan;
use super::postgres_home::{self, Home};
use super::process::Process;
use super::set::{Durability, Servers, Urls};
use super::state::{Access, State, is_free};
use super::{Error, Files, nats, postgres, valkey};
use crate::console;
use crate::data_dir::DataDir;

/// How often another port is tried when somebody else was faster.
const PORT_ATTEMPTS: usize = 3;

const POSTGRES: &str = "postgres";
const NATS: &str = "nats";
const VALKEY: &str = "valkey";

/// What the start of every server depends on.
pub(super) struct Starter<'a> {
    pub(super) data_dir: &'a DataDir,
    pub(super) settings: &'a Settings,
    pub(super) durability: Durability,
}

impl Starter<'_> {
    /// Starts the servers, or none.
    pub(super) async fn start(&self) -> Result<Servers, Error> {
        let mut state = State::load(self.data_dir)?;
        let (postgres, nats, valkey) = tokio::join!(
            self.postgres(&mut state.postgres),
            self.nats(&mut state.nats),
            self.valkey(&mut state.valkey),
        );
        let mut servers = Servers {
            urls: self.urls(&state),
            processes: Vec::new(),
        };
        let mut saved = state.save();
        for started in [postgres, nats, valkey] {
            match started {
                Ok(process) => servers.processes.extend(process),
                Err(error) => saved = Err(error),
            }
        }
        match saved {
            Ok(()) => Ok(servers),
            Err(error) => {
                servers.stop().await;
                Err(error)
            }
        }
    }

    async fn postgres(&self, access: &mut Access) -> Result<Option<Process>, Error> {
        if self.settings.postgres_url.is_some() {
            return Ok(None);
        }
        let chosen = self.settings.postgres_home.as_deref();
        let path = postgres_home::path(self.data_dir.path(), chosen);
        let home = Home::prepare(path, &self.binaries()?).await?;
        postgres::prepare_cluster(&home, self.durability, &access.password).await?;
        let files = self.files(POSTGRES)?;
        start(access, |access| {
            Ok(postgres::plan(
                &home,
                access,
                files.clone(),
                self.durability,
            ))
        })
        .await
    }

    async fn nats(&self, access: &mut Access) -> Result<Option<Process>, Error> {
        if self.settings.nats_url.is_some() {
            return Ok(None);
        }
        let program = self.binaries()?.nats;
        let folder = self.folder(NATS)?;
        let files = self.files(NATS)?;
        start(access, |access| {
            nats::plan(&program, &folder, access, files.clone(), self.durability)
        })
        .await
    }

    async fn valkey(&self, access: &mut Access) -> Result<Option<Process>, Error> {
        if self.settings.redis_url.is_some() {
            return Ok(None);
        }
        let program = self.binaries()?.valkey;
        let folder = self.folder(VALKEY)?;
        let files = self.files(VALKEY)?;
        start(access, |access| {
            valkey::plan(&program, &folder, access, files.clone(), self.durability)
        })
        .await
    }

    fn urls(&self, state: &State) -> Urls {
        let own = |replacement: &Option<SecretString>, own: String| {
            replacement.clone().unwrap_or_else(|| own.into())
        };
        Urls {
            postgres: own(&self.settings.postgres_url, postgres::url(&state.postgres)),
            nats: own(&self.settings.nats_url, nats::url(&state.nats)),
            redis: own(&self.settings.redis_url, valkey::url(&state.valkey)),
        }
    }

    fn binaries(&self) -> Result<Binaries, Error> {
        Binaries::locate(&self.settings.servers_dir)
    }

    fn files(&self, name: &str) -> Result<Files, Error> {
        let log = self.data_dir.begin_log(name);
        let log = log.map_err(|source| self.unusable("logs", source))?;
        self.folder("run")?;
        let pid_file = pid_file(self.data_dir, name);
        Ok(Files { log, pid_file })
    }

    fn folder(&self, name: &str) -> Result<PathBuf, Error> {
        self.data_dir
            .folder(name)
            .map_err(|source| self.unusable(name, source))
    }

    fn unusable(&self, name: &str, source: io::Error) -> Error {
        Error::State {
            path: self.data_dir.path().join(name),
            source,
        }
    }
}

/// Stops what an earlier run on `data_dir` left behind.
pub(crate) async fn stop_leftovers(data_dir: &DataDir) {
    for (name, signals) in [
        (POSTGRES, &postgres::STOP_SIGNALS),
        (NATS, &nats::STOP_SIGNALS),
        (VALKEY, &valkey::STOP_SIGNALS),
    ] {
        if let Some(pid) = pid_file(data_dir, name).stop_leftover(signals).await {
            let pid = Pid::as_raw_pid(pid);
            console::progress(&format!(
                "stopped {name} (process {pid}), which an earlier run had left behind"
            ));
        }
    }
}

fn pid_file(data_dir: &DataDir, name: &str) -> PidFile {
    PidFile::new(data_dir.path().join("run").join(format!("{name}.json")))
}

/// Starts a server on a port of its choice, and on another one when somebody
/// took that port between our look and its start.
async fn start(
    access: &mut Access,
    plan: impl Fn(&Access) -> Result<Plan, Error>,
) -> Result<Option<Process>, Error> {
    let mut attempts = PORT_ATTEMPTS;
    loop {
        access.choose_port().map_err(Error::NoPort)?;
        attempts -= 1;
        match Process::start(plan(access)?).await {
            Err(Error::NotReady { .. }) if attempts > 0 && !is_free(access.port) => {}
            result => return result.map(Some),
        }
    }
}
