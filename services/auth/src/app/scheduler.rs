//! The expiry scheduler: claims what is due and publishes it as jobs (refresh protocol,
//! sections 3 and 9). Every replica runs it; nobody leads.

use std::time::Duration;

use workapi_bus::Bus;
use workapi_proto::jobs::v1::CredentialJob;
use workapi_providers::Manifest;
use workapi_runtime::Shutdown;
use workapi_vault::{Claim, Claimed, Room, Task};

use crate::app::App;

/// The most credentials of a provider that are claimed at once.
const BATCH: usize = 500;
/// The most revocations that are claimed at once.
const REVOCATIONS: i64 = 500;
/// How many jobs of a provider wait for each exchange that may run at one time: enough that no
/// worker waits for the next claim, few enough that the nearest expiry is never far behind.
const QUEUE_PER_EXCHANGE: usize = 2;
/// How long to let the workers take jobs off a queue that was filled.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// How long after something was due it is looked again: what comes all the time comes in small
/// numbers then, and an answer does not wait for a processor behind many others.
const FOUND_PAUSE: Duration = Duration::from_millis(40);
/// How long to leave a server alone that failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Why nothing was claimed.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Vault(#[from] workapi_vault::Error),
    #[error(transparent)]
    Bus(#[from] workapi_bus::Error),
}

/// What a look at the credentials found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    Something,
    /// All that there was room for; more may be due.
    Plenty,
}

impl Found {
    fn of(claimed: &Claimed) -> Self {
        if claimed.more {
            Self::Plenty
        } else if claimed.claims.is_empty() {
            Self::Nothing
        } else {
            Self::Something
        }
    }
}

/// Publishes what is due, until the shutdown drains.
pub(crate) async fn run(app: &App, bus: &Bus, interval: Duration, shutdown: &Shutdown) {
    loop {
        // Without NATS a claim could not be published, and would be lost for 30 seconds.
        let pause = if bus.is_connected() {
            match schedule(app, bus).await {
                Ok(Found::Plenty) => BUSY_PAUSE,
                Ok(Found::Something) => interval.min(FOUND_PAUSE),
                Ok(Found::Nothing) => interval,
                Err(error) => {
                    tracing::warn!(%error, "due credentials can't be claimed; trying on");
                    FAILURE_PAUSE
                }
            }
        } else {
            interval
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.draining() => return,
        }
    }
}

/// Fills the queues of the providers.
///
/// A backlog stays in PostgreSQL: there the most urgent can still be told from the others.
async fn schedule(app: &App, bus: &Bus) -> Result<Found, Error> {
    let queued = bus.queued_jobs("refresh").await?;
    let rooms: Vec<Room> = app
        .catalogue
        .manifests()
        .filter_map(|manifest| {
            let waiting = queued.get(manifest.name.as_str());
            room(manifest, waiting.copied().unwrap_or_default())
        })
        .collect();
    let refreshes = app.vault().claim_refreshes(&rooms).await?;
    let refreshes_found = Found::of(&refreshes);
    publish_all(bus, refreshes.claims).await;
    let revocations = app.vault().claim_revocations(REVOCATIONS).await?;
    let found = refreshes_found.max(Found::of(&revocations));
    publish_all(bus, revocations.claims).await;
    Ok(found)
}

/// Returns how many jobs of a provider may be added to those that wait, if any.
fn room(manifest: &Manifest, waiting: usize) -> Option<Room> {
    let exchanges = usize::try_from(manifest.refresh.max_concurrency.get()).ok()?;
    let left = exchanges
        .saturating_mul(QUEUE_PER_EXCHANGE)
        .saturating_sub(waiting);
    let places = i64::try_from(left.min(BATCH)).ok()?;
    (places > 0).then(|| Room {
        provider: manifest.name.clone(),
        places,
        policy: (&manifest.refresh).into(),
    })
}

async fn publish_all(bus: &Bus, claims: Vec<Claim>) {
    let mut publishing = tokio::task::JoinSet::new();
    for claim in claims {
        let bus = bus.clone();
        publishing.spawn(async move { publish(&bus, &claim).await });
    }
    publishing.join_all().await;
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

#[cfg(test)]
mod tests {
    use workapi_providers::Catalogue;

    use super::*;

    fn places(waiting: usize) -> Option<i64> {
        let catalogue = Catalogue::load(None, None).unwrap();
        let gmail = catalogue.get(&"gmail".parse().unwrap()).unwrap();
        room(gmail, waiting).map(|room| room.places)
    }

    #[test]
    fn fm_08_a_provider_has_room_for_twice_what_it_may_be_asked_at_one_time() {
        assert_eq!(places(0), Some(32));
        assert_eq!(places(31), Some(1));
        assert_eq!(places(32), None);
        assert_eq!(places(1000), None);
    }
}
