//! `work-api with-servers`: runs a command, most often the tests, beside fresh
//! servers that end with it.

mod abandoned;
mod signals;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};

use anyhow::Context;
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use workapi_config::Settings;

use self::signals::Signals;
use crate::data_dir::DataDir;
use crate::servers::{self, Durability, Servers, Urls};
use crate::telemetry;

/// What to run, and beside what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Keep the servers' data in this folder; default: a temporary one that goes away
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the pinned servers are
    #[arg(long, value_name = "DIR")]
    servers_dir: Option<PathBuf>,
    /// The command, which finds the servers in `WORK_API_TEST_POSTGRES_URL`,
    /// `WORK_API_TEST_NATS_URL` and `WORK_API_TEST_REDIS_URL`
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the command and answers with its exit code.
pub(crate) async fn run(options: Options, mut settings: Settings) -> anyhow::Result<ExitCode> {
    if let Some(dir) = options.servers_dir {
        settings.servers_dir = dir;
    }
    let telemetry = telemetry::init("with-servers", &settings)?;
    let status = match &options.data_dir {
        Some(path) => {
            let data_dir = DataDir::open(path)?;
            beside_servers(&data_dir, &settings, Durability::Durable, &options.command).await?
        }
        None => beside_temporary_servers(&settings, &options.command).await?,
    };
    telemetry.shutdown().await;
    Ok(exit_code(status))
}

async fn beside_temporary_servers(
    settings: &Settings,
    command: &[OsString],
) -> anyhow::Result<ExitStatus> {
    abandoned::remove(settings).await;
    let folder = abandoned::new_folder().context("cannot make a temporary folder")?;
    let data_dir = DataDir::open(folder.path())?;
    let settings = abandoned::settings_of(settings, folder.path());

    let status = beside_servers(&data_dir, &settings, Durability::Throwaway, command).await;
    servers::remove_postgres_home(data_dir.path(), &settings);
    status
}

async fn beside_servers(
    data_dir: &DataDir,
    settings: &Settings,
    durability: Durability,
    command: &[OsString],
) -> anyhow::Result<ExitStatus> {
    let mut signals = Signals::catch()?;
    let starting = Servers::start(data_dir, settings, durability);
    let servers = tokio::select! {
        servers = starting => servers?,
        signal = signals.next() => return Ok(ExitStatus::from_raw(signal.as_raw())),
    };
    let mut child = spawn(command, servers.urls(), settings)?;

    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { servers.run(&stop).await }
    });
    let status = wait_for(&mut child, &mut signals).await;
    stop.cancel();
    running.await??;
    Ok(status?)
}

fn spawn(command: &[OsString], urls: &Urls, settings: &Settings) -> anyhow::Result<Child> {
    let (program, args) = command.split_first().context("there is no command")?;
    let mut child = Command::new(program);
    child.args(args);
    // The settings of whoever runs the tests are not those of what the tests start.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
        child.env_remove(name);
    }
    child
        .env("WORK_API_TEST_POSTGRES_URL", urls.postgres.expose_secret())
        .env("WORK_API_TEST_NATS_URL", urls.nats.expose_secret())
        .env("WORK_API_TEST_REDIS_URL", urls.redis.expose_secret());
    if let Ok(servers_dir) = fs::canonicalize(&settings.servers_dir) {
        child.env("WORK_API_TEST_SERVERS_DIR", servers_dir);
    }
    child
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))
}

fn is_setting(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"WORK_API_") && !name.starts_with(b"WORK_API_TEST_")
}

/// Waits for the command, and hands on to it what is meant for it. The
/// terminal sends a Ctrl-C to the command as well as to us.
async fn wait_for(child: &mut Child, signals: &mut Signals) -> std::io::Result<ExitStatus> {
    loop {
        let signal = tokio::select! {
            status = child.wait() => return status,
            signal = signals.next() => signal,
        };
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let (Some(pid), true) = (pid, signal != Signal::INT) {
            // An error means that it has ended in between.
            let _ = kill_process(pid, signal);
        }
    }
}

/// A command that a signal ended has the exit code that a shell would give it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}
