//! One run: fill, start, make everything due, watch.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use workapi_sandbox::RotationClass;

use super::report::Report;
use super::sample::{Sample, Steady};
use super::stub::Stub;
use super::{NatsSync, Options, seed, store};
use crate::installation::{Installation, work_api};
use crate::manifests::Provider;
use crate::program::Program;
use crate::quantiles::Histogram;
use crate::servers::{Server, Servers, Urls};
use crate::{answer_to_sink, console, cpu};

/// How often the run is looked at: counting costs the database some work too.
const LOOK: Duration = Duration::from_secs(1);
const HTTP_TIMEOUT: Duration = Duration::from_secs(5);
/// More than any replica works on at once: the engine is measured, not its patience with providers.
const CONCURRENCY: u32 = 4096;
const DEADLINE: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_mins(5);

/// Everything that is watched.
struct Course {
    installation: Installation,
    servers: Option<Servers>,
    programs: Vec<Program>,
}

/// Runs the bench once. `sync` is set only where the data directory of the servers is known.
///
/// # Errors
/// When the bench itself fails.
pub async fn run(options: &Options, urls: &Urls, sync: NatsSync) -> anyhow::Result<Report> {
    let servers = options.data_dir.as_deref();
    let servers = servers.map(|data_dir| Servers::new(data_dir, urls));
    if let Some(servers) = &servers {
        servers.sync_nats_always(sync == NatsSync::Always).await?;
    }
    let provider = Provider {
        name: "bench",
        class: options.class,
        grace: (options.class == RotationClass::C).then_some(GRACE),
        deadline: DEADLINE,
        max_concurrency: CONCURRENCY,
    };
    let rotates = options.class != RotationClass::A;
    let stub = Stub::start(options.credentials, options.latency(), rotates).await?;
    let installation = Installation::new(&work_api()?, urls, options.data_dir.as_deref()).await?;
    let folder = installation.folder().join("providers");
    provider.write_manifest(&folder, stub.address())?;
    let began = Instant::now();
    let show = |line: &str| {
        if !options.quiet {
            console::progress(began.elapsed(), line);
        }
    };
    show(&format!("sealing {} credentials", options.credentials));
    seed::fill(&installation, &provider, options.credentials).await?;

    let mut programs = vec![installation.integrations()?];
    programs.push(installation.auth(1, &folder)?);
    for number in 1..=options.refreshers {
        let address = stub.address().ip();
        programs.push(installation.token_refresher(
            number,
            address,
            &folder,
            Some(options.at_once),
        )?);
    }
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(HTTP_TIMEOUT)
        .build()?;
    for program in &programs {
        program.ready(&http).await?;
    }
    let course = Course {
        installation,
        servers,
        programs,
    };
    store::make_due(course.installation.database.pool()).await?;
    show("all of them are due");
    let samples = course.watch(options, &show).await?;
    let answer_to_sink = course.answer_to_sink(&http).await;
    for program in course.programs.iter().rev() {
        program.stop().await?;
    }
    let pool = course.installation.database.pool();
    Ok(Report {
        credentials: options.credentials,
        refreshers: options.refreshers,
        at_once: options.at_once,
        class: options.class,
        latency: options.latency(),
        sync,
        committed: store::committed(pool).await?.try_into()?,
        not_once_at_provider: stub.not_once(),
        not_once_in_vault: store::not_once(pool).await?,
        steady: Steady::of(&samples, options.credentials),
        answer_to_sink,
    })
}

impl Course {
    /// Looks again and again until all is done, or the time is over.
    async fn watch(&self, options: &Options, show: &impl Fn(&str)) -> anyhow::Result<Vec<Sample>> {
        let started = Instant::now();
        let mut samples = vec![self.sample().await?];
        loop {
            sleep(LOOK).await;
            let sample = self.sample().await?;
            let committed = sample.committed;
            samples.push(sample);
            show(&format!("{committed} of {} committed", options.credentials));
            let is_over = started.elapsed().as_secs() >= options.at_most;
            if committed >= options.credentials || is_over {
                return Ok(samples);
            }
        }
    }

    /// Reads what the refreshers have measured.
    async fn answer_to_sink(&self, http: &reqwest::Client) -> Histogram {
        let mut total = Histogram::default();
        for program in &self.programs {
            if let Some(text) = program.metrics(http).await {
                total.add(&answer_to_sink::read(&text));
            }
        }
        total
    }

    async fn sample(&self) -> anyhow::Result<Sample> {
        let committed = store::committed(self.installation.database.pool()).await?;
        let programs = self.programs.iter();
        let programs = programs.map(|program| (program.name().to_owned(), program.cpu()));
        let mut cpu: Vec<_> = programs.collect();
        if let Some(servers) = &self.servers {
            let servers = Server::ALL.map(|server| (server.name().to_owned(), servers.cpu(server)));
            cpu.extend(servers);
        }
        let provider = cpu::of_process(std::process::id());
        cpu.push(("provider, and who watches".to_owned(), provider));
        Ok(Sample {
            at: Instant::now(),
            committed: committed.try_into()?,
            cpu,
        })
    }
}
