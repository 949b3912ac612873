//! One server as a child process.

use std::fs::OpenOptions;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, kill_process};
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::Error;
use super::plan::{Plan, detached};

/// A PostgreSQL that recovers from a crash may replay for a while first.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const TAIL_LINES: usize = 12;

/// A server that was ready once.
#[derive(Debug)]
pub(super) struct Process {
    plan: Plan,
    child: Child,
    since: Instant,
}

impl Process {
    /// Starts a server and waits until it is ready.
    pub(super) async fn start(plan: Plan) -> Result<Self, Error> {
        let child = spawn(&plan)?;
        let since = Instant::now();
        let mut process = Self { plan, child, since };
        match timeout(READY_TIMEOUT, process.ready_or_ended()).await {
            Ok(Ok(())) => Ok(process),
            Ok(Err(status)) => {
                process.plan.pid_file.remove();
                Err(Error::not_ready(
                    &process.plan,
                    format!("ended while it started ({status})"),
                ))
            }
            Err(_) => {
                let seconds = READY_TIMEOUT.as_secs();
                let error =
                    Error::not_ready(&process.plan, format!("was not ready within {seconds} s"));
                process.stop().await;
                Err(error)
            }
        }
    }

    /// Resolves when the server has ended by itself.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Returns how long ago the server was started.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Gives up the process, which has ended.
    pub(super) fn into_plan(self) -> Plan {
        self.plan
    }

    /// Stops the server: with a request first, by force if that takes too long.
    pub(super) async fn stop(mut self) {
        for (signal, patience) in self.plan.stop_signals {
            if let Some(pid) = self.pid() {
                // An error means that it has ended in between.
                let _ = kill_process(pid, signal);
            }
            if timeout(patience, self.child.wait()).await.is_ok() {
                break;
            }
            tracing::warn!(
                server = self.plan.name,
                ?signal,
                "server did not stop in time"
            );
        }
        self.plan.pid_file.remove();
    }

    async fn ready_or_ended(&mut self) -> Result<(), ExitStatus> {
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(status);
            }
            let pid = self.child.id().unwrap_or_default();
            if self.plan.probe.is_ready(pid, self.plan.port).await {
                return Ok(());
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.child.id()?.cast_signed())
    }
}

fn spawn(plan: &Plan) -> Result<Child, Error> {
    let failed = |source| Error::Spawn {
        program: plan.program.clone(),
        source,
    };
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&plan.log)
        .map_err(|source| Error::State {
            path: plan.log.clone(),
            source,
        })?;
    let child = detached(&plan.program, plan.account.as_ref())
        .args(&plan.args)
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .spawn()
        .map_err(failed)?;
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        plan.pid_file.write(pid).map_err(failed)?;
    }
    Ok(child)
}

/// Returns the last few lines of what a program said.
pub(super) fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<_> = text.trim_end().lines().collect();
    let first = lines.len().saturating_sub(TAIL_LINES);
    lines[first..].join("\n")
}
