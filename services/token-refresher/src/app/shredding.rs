//! Making unreadable what the journal keeps of credentials that are shredded (refresh protocol,
//! sections 5 and 6).

use workapi_bus::{Delivery, Verdict};
use workapi_proto::events::v1::CredentialRevoked;

use crate::app::App;

impl App {
    /// Purges the journal of one shredded credential. The event that tells of it is delivered until
    /// that has worked.
    pub(crate) async fn purge(&self, delivery: &Delivery) -> Verdict {
        let event = delivery.decode::<CredentialRevoked>().ok();
        let Some(id) = event.and_then(|event| event.integration_id.parse().ok()) else {
            tracing::error!(subject = %delivery.subject, "an event is malformed and is passed over");
            return Verdict::Done;
        };
        match self.sinks.purge(&id).await {
            Ok(()) => Verdict::Done,
            Err(error) => {
                tracing::warn!(integration.id = %id, %error, "the journal was not purged; it is tried again");
                Verdict::Leave
            }
        }
    }
}
