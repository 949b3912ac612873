//! How long the good case of an access token on demand takes (refresh protocol, section 10).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use workapi_sandbox::RotationClass;
use workapi_types::IntegrationId;
use workapi_vault::AccessVault;

use crate::Urls;
use crate::console::{Table, milliseconds};
use crate::installation::{Installation, work_api};
use crate::manifests::Provider;
use crate::throughput::seed;

/// How many callers ask at the same time.
const CALLERS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(5);

/// How long calls took whose token was there.
#[derive(Debug)]
pub struct Calls {
    /// The credentials that were asked for.
    pub credentials: usize,
    /// In order.
    took: Vec<Duration>,
    per_second: f64,
}

impl Calls {
    /// Connects so many credentials and asks for `calls` access tokens.
    ///
    /// # Errors
    /// When the bench itself fails, or a token is refused.
    pub async fn measure(urls: &Urls, credentials: u32, calls: usize) -> anyhow::Result<Self> {
        let installation = Installation::new(&work_api()?, urls, None).await?;
        let provider = Provider {
            name: "bench",
            class: RotationClass::D,
            grace: None,
            deadline: PATIENCE,
            max_concurrency: 1,
        };
        seed::fill(&installation, &provider, credentials).await?;
        let names: Vec<String> = sqlx::query_scalar("SELECT integration_id FROM credential")
            .fetch_all(installation.database.pool())
            .await?;
        let integrations = names.iter().map(|name| name.parse());
        let integrations: Arc<Vec<IntegrationId>> =
            Arc::new(integrations.collect::<Result<_, _>>()?);
        let vault = installation.access_vault().await?;
        // Connections and plans are made once, before it counts.
        ask(&vault, &integrations, calls / 10).await?;
        let begun = Instant::now();
        let took = ask(&vault, &integrations, calls).await?;
        Ok(Self {
            credentials: integrations.len(),
            per_second: f64::from(u32::try_from(took.len())?) / begun.elapsed().as_secs_f64(),
            took,
        })
    }

    /// Returns how many calls got their token.
    pub fn served(&self) -> usize {
        self.took.len()
    }

    /// Prints the table.
    pub fn print(&self) {
        let at = |percent| milliseconds(self.at(percent));
        let mut table = Table::default();
        table.row("credentials", self.credentials);
        table.row("callers at the same time", CALLERS);
        table.row(
            "access tokens that were asked for, and there",
            self.served(),
        );
        table.row("calls/s", format_args!("{:.0}", self.per_second));
        table.row("call p50", at(50));
        table.row("**call p99**", at(99));
        table.row("call, longest", at(100));
        table.print();
    }

    fn at(&self, percent: usize) -> Duration {
        let last = self.took.len().saturating_sub(1);
        self.took
            .get(last * percent / 100)
            .copied()
            .unwrap_or_default()
    }
}

/// Asks for `calls` tokens from [`CALLERS`] tasks, and returns how long each took, in order.
async fn ask(
    vault: &AccessVault,
    integrations: &Arc<Vec<IntegrationId>>,
    calls: usize,
) -> anyhow::Result<Vec<Duration>> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (vault, integrations) = (vault.clone(), Arc::clone(integrations));
        callers.spawn(async move {
            let mut took = Vec::with_capacity(calls / CALLERS);
            for call in 0..calls / CALLERS {
                // A step that is prime to the number of credentials: each is asked for.
                let integration = &integrations[(caller + call * 7919) % integrations.len()];
                let begun = Instant::now();
                vault
                    .access_token(integration, Duration::ZERO, PATIENCE)
                    .await?;
                took.push(begun.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::with_capacity(calls);
    while let Some(caller) = callers.join_next().await {
        took.extend(caller??);
    }
    took.sort_unstable();
    Ok(took)
}
