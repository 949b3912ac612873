//! A program of ours as a process that is started again whenever it ends.

use std::fs::OpenOptions;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::accounting::Kill;
use crate::{console, cpu};

/// How long a program that ended by itself stays down.
const RESTART_PAUSE: Duration = Duration::from_millis(200);
/// How long a stop may take before it is enforced.
const STOP_PATIENCE: Duration = Duration::from_secs(90);
/// How long a program may take to be ready.
const READY_PATIENCE: Duration = Duration::from_mins(1);

/// How to start a program, again and again.
pub(crate) struct Plan {
    /// `auth-1`
    pub(crate) name: String,
    /// The executable, its arguments and its environment.
    pub(crate) executable: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Where it reaches the provider, if it does.
    pub(crate) address: IpAddr,
    /// The base of its `/metrics` and `/readyz`.
    pub(crate) operations: String,
    /// Where its output goes.
    pub(crate) log: PathBuf,
}

/// A running program.
pub(crate) struct Program {
    name: String,
    operations: String,
    orders: mpsc::Sender<Order>,
    seen: Arc<Seen>,
}

enum Order {
    Kill(oneshot::Sender<Kill>),
    Stop(oneshot::Sender<()>),
}

/// What is known of a program from outside.
#[derive(Default)]
struct Seen {
    /// 0 when it does not run.
    pid: AtomicU32,
    /// How often it ended by itself.
    deaths: AtomicU64,
    /// The processor time of its ended processes, in milliseconds.
    past_cpu: AtomicU64,
}

impl Program {
    /// Starts a program.
    pub(crate) fn start(plan: Plan) -> anyhow::Result<Self> {
        let child = spawn(&plan)?;
        let seen = Arc::new(Seen::default());
        seen.note(&child);
        let (orders, received) = mpsc::channel(1);
        let program = Self {
            name: plan.name.clone(),
            operations: plan.operations.clone(),
            orders,
            seen: Arc::clone(&seen),
        };
        // It ends with the program: nobody can give orders any more, and the process is killed.
        tokio::spawn(async move {
            let name = plan.name.clone();
            if let Err(error) = keep(plan, child, received, seen).await {
                console::say(format_args!("{name}: {error:#}"));
            }
        });
        Ok(program)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns how often it ended by itself.
    pub(crate) fn deaths(&self) -> u64 {
        self.seen.deaths.load(Ordering::Relaxed)
    }

    /// Returns the processor time that it has used, over all its lives.
    pub(crate) fn cpu(&self) -> Duration {
        let past = Duration::from_millis(self.seen.past_cpu.load(Ordering::Relaxed));
        past + self.seen.present_cpu()
    }

    /// Ends it with SIGKILL; it is started again at once.
    pub(crate) async fn kill(&self) -> anyhow::Result<Kill> {
        self.order(Order::Kill).await
    }

    /// Has it end in order, and waits.
    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        self.order(Order::Stop).await
    }

    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> anyhow::Result<T> {
        let (done, answer) = oneshot::channel();
        // An order that can't be given has no answer either.
        let _ = self.orders.send(order(done)).await;
        let answer = answer.await;
        answer.with_context(|| format!("{} is not kept running any more", self.name))
    }

    /// Returns its metrics; `None` while it does not answer.
    pub(crate) async fn metrics(&self, http: &reqwest::Client) -> Option<String> {
        let answer = http
            .get(format!("{}/metrics", self.operations))
            .send()
            .await;
        answer.ok()?.text().await.ok()
    }

    /// Waits until it can work.
    pub(crate) async fn ready(&self, http: &reqwest::Client) -> anyhow::Result<()> {
        let url = format!("{}/readyz", self.operations);
        let ready = async {
            loop {
                match http.get(&url).send().await {
                    Ok(answer) if answer.status().is_success() => return,
                    _ => sleep(Duration::from_millis(50)).await,
                }
            }
        };
        let waited = timeout(READY_PATIENCE, ready).await;
        waited.with_context(|| format!("{} did not become ready", self.name))
    }
}

impl Seen {
    fn note(&self, child: &Child) {
        self.pid
            .store(child.id().unwrap_or_default(), Ordering::Relaxed);
    }

    fn present_cpu(&self) -> Duration {
        match self.pid.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            pid => cpu::of_tree(pid),
        }
    }

    /// Keeps what a process has used, before nobody can say any more.
    fn keep_cpu(&self) {
        let used = u64::try_from(self.present_cpu().as_millis()).unwrap_or_default();
        self.past_cpu.fetch_add(used, Ordering::Relaxed);
    }
}

async fn keep(
    plan: Plan,
    mut child: Child,
    mut orders: mpsc::Receiver<Order>,
    seen: Arc<Seen>,
) -> anyhow::Result<()> {
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            _ = child.wait() => {
                seen.deaths.fetch_add(1, Ordering::Relaxed);
                sleep(RESTART_PAUSE).await;
                child = spawn(&plan)?;
                seen.note(&child);
                continue;
            }
        };
        match order {
            Some(Order::Kill(done)) => {
                seen.keep_cpu();
                let sent = Instant::now();
                child.kill().await?;
                let (address, gone) = (plan.address, Instant::now());
                // Whoever asked may have gone meanwhile.
                let _ = done.send(Kill {
                    address,
                    sent,
                    gone,
                });
                child = spawn(&plan)?;
                seen.note(&child);
            }
            Some(Order::Stop(done)) => {
                seen.keep_cpu();
                end(&plan, child).await?;
                seen.pid.store(0, Ordering::Relaxed);
                let _ = done.send(());
                return Ok(());
            }
            None => return Ok(()),
        }
    }
}

async fn end(plan: &Plan, mut child: Child) -> anyhow::Result<()> {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        // An error means that it has ended in between.
        let _ = kill_process(pid, Signal::TERM);
    }
    if let Ok(ended) = timeout(STOP_PATIENCE, child.wait()).await {
        return ended.map(drop).map_err(Into::into);
    }
    child.kill().await?;
    anyhow::bail!("{} did not stop within {STOP_PATIENCE:?}", plan.name)
}

fn spawn(plan: &Plan) -> anyhow::Result<Child> {
    let mut options = OpenOptions::new();
    let log = options.create(true).append(true).open(&plan.log)?;
    let mut command = Command::new(&plan.executable);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"WORK_API_") {
            command.env_remove(name);
        }
    }
    command
        .args(&plan.arguments)
        .envs(plan.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // A Ctrl-C reaches us alone.
        .process_group(0)
        .kill_on_drop(true);
    let child = command.spawn();
    child.with_context(|| format!("cannot run {}", plan.executable.display()))
}
