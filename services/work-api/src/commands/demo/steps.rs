//! The steps of the demo. Each is shown before it is done, and its result after.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use futures::StreamExt;
use tokio::time::{interval, timeout};

use super::stage::Stage;
use crate::console;

const ANN: &str = "ann@example.test";
/// How long a step may wait for what happens by itself.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(200);
/// How often somebody who waits is told that it goes on.
const REPORT: Duration = Duration::from_secs(2);

/// Shows every step.
pub(super) async fn show(stage: &Stage) -> anyhow::Result<()> {
    begin("create a user, with an account provider token")?;
    let user = format!("demo-{:08x}", rand::random::<u32>());
    let (user_id, token) = stage.api.create_user(&user).await?;
    done(format_args!("user {user_id}"))?;

    begin("create an integration with the provider sandbox")?;
    let id = stage.api.create_integration(&token).await?;
    done(format_args!("integration {id}"))?;

    begin("authorize it: the user consents on the provider's page")?;
    authorize(stage, &token, &id).await?;
    done("the browser came back with status=success")?;

    begin("look at the integration")?;
    show_connected(stage, &token, &id).await?;
    done(format_args!("connected to {ANN}"))?;

    begin("wait for a refresh: scheduler → NATS → token-refresher → provider")?;
    let generation = wait_for_refresh(stage, &id).await?;
    done(format_args!(
        "generation {generation} is in the vault, and nobody saw a token"
    ))?;

    begin("reconnect the same account")?;
    authorize(stage, &token, &id).await?;
    show_connected(stage, &token, &id).await?;
    done(format_args!(
        "the same integration, a new grant; the provider has seen {} exchanges",
        stage.provider.count("exchanges").await?
    ))?;

    begin("delete the integration")?;
    stage.api.delete_integration(&token, &id).await?;
    done("204 No Content")?;

    begin("wait until the provider has seen the revocation")?;
    wait_for_revocation(stage).await?;
    done("revoked at the provider, shredded here")?;
    Ok(())
}

async fn authorize(stage: &Stage, token: &str, id: &str) -> anyhow::Result<()> {
    let uri = stage.api.authorization_uri(token, id).await?;
    let landed = stage.browser.consent(uri, ANN).await?;
    let success = landed
        .query_pairs()
        .any(|(name, value)| name == "status" && value == "success");
    ensure!(success, "the authorization ended at {landed}");
    Ok(())
}

async fn show_connected(stage: &Stage, token: &str, id: &str) -> anyhow::Result<()> {
    let account = stage.api.provider_id(token, id).await?;
    ensure!(
        account.as_deref() == Some(ANN),
        "the integration shows the account {account:?}"
    );
    Ok(())
}

/// Watches the bus for the event of the refresh, and compares with what the provider counted.
async fn wait_for_refresh(stage: &Stage, id: &str) -> anyhow::Result<u64> {
    let subject = stage.bus.prefixed("evt.auth.credential.refreshed.v1");
    let mut events = stage.bus.client().subscribe(subject).await?;
    let watching = async {
        while let Some(event) = events.next().await {
            let headers = event.headers.unwrap_or_default();
            if headers
                .get("ce-subject")
                .is_some_and(|subject| subject.as_str() == id)
            {
                return Ok(());
            }
        }
        anyhow::bail!("the connection to NATS ended")
    };
    waiting(watching).await.context("no refresh came")??;
    let refreshes = stage.provider.count("refreshes").await?;
    ensure!(refreshes > 0, "the provider has seen no refresh");
    Ok(refreshes + 1)
}

async fn wait_for_revocation(stage: &Stage) -> anyhow::Result<()> {
    let polling = async {
        let mut polls = interval(POLL);
        loop {
            polls.tick().await;
            if stage.provider.count("revocations").await? > 0 {
                return anyhow::Ok(());
            }
        }
    };
    waiting(polling)
        .await
        .context("the provider has seen no revocation")?
}

/// Waits, and says so every two seconds.
async fn waiting<T>(what: impl Future<Output = T>) -> anyhow::Result<T> {
    let start = Instant::now();
    let mut reports = interval(REPORT);
    reports.tick().await;
    let reporting = async {
        tokio::pin!(what);
        loop {
            tokio::select! {
                result = &mut what => return result,
                _ = reports.tick() => {
                    console::progress(&format!("      … {} s", start.elapsed().as_secs()));
                }
            }
        }
    };
    timeout(PATIENCE, reporting)
        .await
        .map_err(|_| anyhow!("waited {} s", PATIENCE.as_secs()))
}

fn begin(step: &str) -> anyhow::Result<()> {
    Ok(console::result(format_args!("\n  → {step}"))?)
}

fn done(result: impl Display) -> anyhow::Result<()> {
    Ok(console::result(format_args!("  ✓ {result}"))?)
}
