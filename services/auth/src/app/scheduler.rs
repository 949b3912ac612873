//! The expiry scheduler: claims what is due and publishes it as jobs (refresh protocol,
//! section 3). Every replica runs it; nobody leads.

use std::time::Duration;

use workapi_bus::Bus;
use workapi_proto::jobs::v1::CredentialJob;
use workapi_runtime::Shutdown;
use workapi_vault::{Claim, Task};

use crate::app::App;

/// How many credentials are claimed at once.
const BATCH: i64 = 500;
/// How long to leave a database alone that failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Publishes what is due, until the shutdown drains.
pub(crate) async fn run(app: &App, bus: &Bus, interval: Duration, shutdown: &Shutdown) {
    loop {
        // Without NATS a claim could not be published, and would be lost for 30 seconds.
        let pause = if bus.is_connected() {
            schedule(app, bus, interval).await
        } else {
            interval
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.draining() => return,
        }
    }
}

/// Claims and publishes one batch, and returns how long to pause.
async fn schedule(app: &App, bus: &Bus, interval: Duration) -> Duration {
    let claims = match app.vault().claim_due(BATCH).await {
        Ok(claims) => claims,
        Err(error) => {
            tracing::warn!(%error, "due credentials can't be claimed; trying on");
            return FAILURE_PAUSE;
        }
    };
    let full = claims.len() == usize::try_from(BATCH).unwrap_or_default();
    let mut publishing = tokio::task::JoinSet::new();
    for claim in claims {
        let bus = bus.clone();
        publishing.spawn(async move { publish(&bus, &claim).await });
    }
    publishing.join_all().await;
    if full { Duration::ZERO } else { interval }
}

/// Publishes a claim. One that is lost is due again after 30 seconds.
async fn publish(bus: &Bus, claim: &Claim) {
    let kind = match claim.task {
        Task::Refresh => "refresh",
        Task::Revoke => "revoke",
    };
    let subject = format!("job.{kind}.{}", claim.provider);
    // With the claim's number: JetStream remembers an id even after its job was done.
    let id = format!(
        "{}:{}:{}",
        claim.integration_id, claim.grant_id, claim.claim_seq
    );
    let job = CredentialJob {
        integration_id: claim.integration_id.to_string(),
        grant_id: claim.grant_id.to_string(),
        claim_seq: claim.claim_seq,
    };
    let published = bus
        .publish_job(&subject, &id, &job, claim.traceparent.as_deref())
        .await;
    if let Err(error) = published {
        tracing::warn!(integration.id = %claim.integration_id, %error, "a job was not published");
    }
}
