//! Acting on deleted integrations and environments.

use std::sync::Arc;

use workapi_bus::{Bus, Delivery, Stream, Subscription, Verdict};
use workapi_proto::events::v1::{EnvironmentDeleted, IntegrationDeleted};
use workapi_runtime::Shutdown;

use crate::app::{App, Error};

const INTEGRATIONS: Subscription = Subscription {
    stream: Stream::Events,
    durable: "auth-integration-deleted",
    filter: "evt.integrations.integration.deleted.v1",
    concurrency: 16,
};

const ENVIRONMENTS: Subscription = Subscription {
    stream: Stream::Events,
    durable: "auth-environment-deleted",
    filter: "evt.integrations.environment.deleted.v1",
    concurrency: 4,
};

/// How many deletions are read at once to be applied again.
const REPLAY_PAGE: usize = 500;

/// Consumes deletions until the shutdown drains.
///
/// # Errors
/// A consumer exists with settings that can't be changed.
pub(crate) async fn run(
    app: &Arc<App>,
    bus: &Bus,
    shutdown: &Shutdown,
) -> Result<(), workapi_bus::Error> {
    let integrations = bus.consume(INTEGRATIONS, shutdown.drain_token(), {
        let app = Arc::clone(app);
        move |delivery| {
            let app = Arc::clone(&app);
            async move { verdict(app.delete_integration(&delivery).await) }
        }
    });
    let environments = bus.consume(ENVIRONMENTS, shutdown.drain_token(), {
        let app = Arc::clone(app);
        move |delivery| {
            let app = Arc::clone(&app);
            async move { verdict(app.delete_environment(&delivery).await) }
        }
    });
    tokio::try_join!(integrations, environments).map(drop)
}

impl App {
    /// Applies every deletion again that the stream of events has kept.
    pub(super) async fn replay_deletions(&self, bus: &Bus) -> Result<(), Error> {
        let mut integrations = bus.replay(Stream::Events, INTEGRATIONS.filter).await?;
        while let page = integrations.page(REPLAY_PAGE).await?
            && !page.is_empty()
        {
            for delivery in page {
                self.delete_integration(&delivery).await?;
            }
        }
        let mut environments = bus.replay(Stream::Events, ENVIRONMENTS.filter).await?;
        while let page = environments.page(REPLAY_PAGE).await?
            && !page.is_empty()
        {
            for delivery in page {
                self.delete_environment(&delivery).await?;
            }
        }
        Ok(())
    }

    async fn delete_integration(&self, delivery: &Delivery) -> Result<(), Error> {
        let event = delivery.decode::<IntegrationDeleted>().ok();
        let id = event.and_then(|event| event.integration_id.parse().ok());
        match id {
            Some(id) => self.vault().delete(&id).await?,
            None => pass_over(delivery),
        }
        Ok(())
    }

    async fn delete_environment(&self, delivery: &Delivery) -> Result<(), Error> {
        let event = delivery.decode::<EnvironmentDeleted>().ok();
        let guid = event.and_then(|event| event.environment_guid.parse().ok());
        match guid {
            Some(guid) => self.vault().retire_environment(guid).await?,
            None => pass_over(delivery),
        }
        Ok(())
    }
}

/// An event that nobody can read will not be readable the next time either.
fn pass_over(delivery: &Delivery) {
    tracing::error!(subject = %delivery.subject, "an event is malformed and is passed over");
}

fn verdict(result: Result<(), Error>) -> Verdict {
    match result {
        Ok(()) => Verdict::Done,
        Err(error) => {
            tracing::warn!(%error, "a deletion was not recorded; it will be delivered again");
            Verdict::Leave
        }
    }
}
