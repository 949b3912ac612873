//! One run, from an empty installation to the account of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sqlx::types::time::OffsetDateTime;
use tokio_util::sync::{CancellationToken, DropGuard};
use workapi_sandbox::{Control, RotationClass, Sandbox};
use workapi_vault::AccessVault;

use super::Options;
use super::fleet::Fleet;
use super::measured::Measured;
use super::outage::Outage;
use super::report::{Course, Report};
use super::server_faults::ServerFaults;
use super::{callers, killer, operator, report, server_faults, settle, store, weather};
use crate::accounting::Kill;
use crate::console;
use crate::installation::{Installation, work_api};
use crate::manifests::Provider;
use crate::program::Program;
use crate::servers::{Servers, Urls};

/// How long class C honours a spent refresh token: long enough for the protocol to use it.
const GRACE: Duration = Duration::from_mins(5);
/// How many exchanges may run at one time: as many as the credentials need, and those that are held
/// up. After an outage, when all are due, they are the limit.
const CONCURRENCY: u32 = 64;
/// How often the run is looked at, and how often that is shown.
const LOOK: Duration = Duration::from_secs(1);
const SHOW: u64 = 5;

/// Everything that the parts of a run share.
pub(super) struct Run {
    pub(super) options: Options,
    pub(super) installation: Installation,
    /// The vault, as who acts for users has it.
    pub(super) access: AccessVault,
    pub(super) control: Control,
    pub(super) fleet: Fleet,
    /// The programs that are killed: first those that speak to the provider.
    pub(super) victims: Vec<Program>,
    pub(super) integrations: Program,
    pub(super) outage: Outage,
    pub(super) measured: Measured,
    pub(super) progress: Progress,
    /// When the run began, on our clock and on the database's.
    pub(super) began: (Instant, OffsetDateTime),
    sandbox: Option<(DropGuard, tokio::task::JoinHandle<()>)>,
}

/// What is shown while the run goes on.
#[derive(Debug, Default)]
pub(super) struct Progress {
    kills: AtomicU64,
    reconnects: AtomicU64,
}

impl Progress {
    pub(super) fn count_kill(&self) {
        self.kills.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_reconnect(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }

    fn kills(&self) -> u64 {
        self.kills.load(Ordering::Relaxed)
    }
}

/// Runs the bench and accounts for every rotation.
///
/// # Errors
/// When the bench itself fails. What the programs lose is in the report.
pub async fn run(options: Options, urls: Urls) -> anyhow::Result<Report> {
    let seed = options.seed.unwrap_or_else(rand::random);
    let began = Instant::now();
    let servers = options.data_dir.as_deref();
    let servers = servers.map(|data_dir| Servers::new(data_dir, &urls));
    let mut run = Run::prepare(options, &urls, seed).await?;
    run.show(
        began,
        format_args!("seed {seed}: {} credentials", run.fleet.len()),
    );
    let course = run.go(servers.as_ref(), seed, began).await?;
    run.stop().await?;
    report::write(&run, course, seed).await
}

impl Run {
    /// Sets everything up and starts the programs.
    async fn prepare(options: Options, urls: &Urls, seed: u64) -> anyhow::Result<Self> {
        let sandbox = Sandbox::build(workapi_sandbox::Config {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            keep_journal: true,
            fault_seed: seed,
            ..workapi_sandbox::Config::default()
        })
        .await?;
        let port = sandbox.url().port().context("the sandbox has a port")?;
        let (control, registry) = (sandbox.control(), sandbox.clients());
        let installation =
            Installation::new(&work_api()?, urls, options.data_dir.as_deref()).await?;
        let pool = installation.database.pool();
        store::prepare(pool).await?;
        let began = (Instant::now(), store::now(pool).await?);

        let shares = shares(&options);
        let fleet = Fleet::new(
            installation.vault.clone(),
            control.clone(),
            &registry,
            &shares,
            options.token_seconds,
        )
        .await?;
        let stop = CancellationToken::new();
        let serving = sandbox.run(stop.clone());
        let serving = tokio::spawn(async move {
            if let Err(error) = serving.await {
                console::say(format_args!("the sandbox failed: {error}"));
            }
        });
        fleet.connect_all().await?;

        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(LOOK * 5)
            .build()?;
        let integrations = installation.integrations()?;
        integrations.ready(&http).await?;
        let mut victims = Vec::new();
        for number in 1..=options.refreshers {
            let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1 + u8::try_from(number)?));
            let folder = installation.folder().join(format!("providers-{number}"));
            for (provider, _) in &shares {
                provider.write_manifest(&folder, SocketAddr::new(address, port))?;
            }
            victims.push(installation.token_refresher(number, address, &folder, None)?);
        }
        for number in 1..=options.auths {
            let folder = installation.folder().join("providers-1");
            victims.push(installation.auth(number, &folder)?);
        }
        for program in &victims {
            program.ready(&http).await?;
        }
        Ok(Self {
            options,
            access: installation.access_vault().await?,
            installation,
            control,
            fleet,
            victims,
            integrations,
            outage: Outage::default(),
            measured: Measured::new(http),
            progress: Progress::default(),
            began,
            sandbox: Some((stop.drop_guard(), serving)),
        })
    }

    /// Lets everything happen, and waits until it has settled.
    async fn go(
        &self,
        servers: Option<&Servers>,
        seed: u64,
        began: Instant,
    ) -> anyhow::Result<Course> {
        let random = |part: u64| StdRng::seed_from_u64(seed.wrapping_add(part));
        let (calm, rest) = (CancellationToken::new(), CancellationToken::new());
        let faults = async {
            let until_calm = || calm.clone();
            let hurting = async {
                match servers {
                    Some(servers) => {
                        server_faults::hurt(self, servers, random(1), until_calm()).await
                    }
                    None => Ok(ServerFaults::default()),
                }
            };
            let (kills, server_faults, storms, ()) = tokio::try_join!(
                killer::kill(self, random(2), until_calm()),
                hurting,
                weather::change(self, random(3), until_calm()),
                self.watch(began, &calm),
            )?;
            self.control.end_faults();
            let settled = settle::settle(self, began).await?;
            rest.cancel();
            anyhow::Ok((kills, server_faults, storms, settled))
        };
        let ((kills, server_faults, storms, settled), retried, calls, ()) = tokio::try_join!(
            faults,
            operator::mend(self, rest.clone()),
            callers::call(self, random(4), rest.clone()),
            self.scrape(rest.clone()),
        )?;
        Ok(Course {
            kills: on_the_wire(kills),
            all_kills: self.progress.kills(),
            server_faults,
            storms,
            rest: settled,
            retried,
            calls,
        })
    }

    /// Watches until enough has happened, and calls the faults off.
    async fn watch(&self, began: Instant, calm: &CancellationToken) -> anyhow::Result<()> {
        let options = &self.options;
        let started = Instant::now();
        for second in 1.. {
            tokio::time::sleep(LOOK).await;
            let (rotations, kills) = (self.control.refreshes(), self.progress.kills());
            let elapsed = started.elapsed().as_secs();
            let is_enough = rotations >= options.rotations && kills >= options.kills;
            if (is_enough && elapsed >= options.seconds) || elapsed >= options.at_most {
                break;
            }
            if second % SHOW == 0 {
                let reconnects = self.progress.reconnects.load(Ordering::Relaxed);
                let line = format_args!(
                    "{rotations} rotations, {kills} kills, {reconnects} consents asked for again"
                );
                self.show(began, line);
            }
        }
        calm.cancel();
        Ok(())
    }

    /// Reads the metrics of the refreshers now and then: a kill takes them away.
    async fn scrape(&self, stop: CancellationToken) -> anyhow::Result<()> {
        while !stop.is_cancelled() {
            for program in self.refreshers() {
                self.measured.scrape(program).await;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Stops the programs, the ones that give work first, and then the provider.
    async fn stop(&mut self) -> anyhow::Result<()> {
        let (refreshers, auths) = self.victims.split_at(self.options.refreshers);
        for program in auths.iter().chain(refreshers) {
            program.stop().await?;
        }
        self.integrations.stop().await?;
        if let Some((guard, serving)) = self.sandbox.take() {
            drop(guard);
            serving.await?;
        }
        Ok(())
    }

    pub(super) fn refreshers(&self) -> &[Program] {
        &self.victims[..self.options.refreshers]
    }

    fn show(&self, began: Instant, line: impl std::fmt::Display) {
        if !self.options.quiet {
            console::progress(began.elapsed(), line);
        }
    }
}

/// Leaves out the kills of programs that do not speak to the provider.
fn on_the_wire(kills: Vec<Kill>) -> Vec<Kill> {
    let kills = kills.into_iter();
    kills
        .filter(|kill| !kill.address.is_unspecified())
        .collect()
}

/// Says how many credentials there are at which provider.
fn shares(options: &Options) -> [(Provider, usize); 3] {
    let provider = |name, class, grace| Provider {
        name,
        class,
        grace,
        deadline: options.deadline(),
        max_concurrency: CONCURRENCY,
    };
    let tenth = options.credentials / 10;
    [
        (
            provider("bench_d", RotationClass::D, None),
            options.credentials - 2 * tenth,
        ),
        (provider("bench_c", RotationClass::C, Some(GRACE)), tenth),
        (provider("bench_a", RotationClass::A, None), tenth),
    ]
}
