//! Telling of grants that will end on a known day (failure mode FM-18).

use workapi_bus::outbox;
use workapi_proto::events::v1::CredentialExpiring;
use workapi_providers::Cause;

use crate::store::credential;
use crate::{Error, Vault};

impl Vault {
    /// Tells of up to `limit` grants that end in 30, 7 or 1 day, each once for each of these,
    /// and returns how many notices were due.
    ///
    /// A notice that comes late says how many days are really left; those that it overtook are
    /// not made up for.
    ///
    /// # Errors
    /// Fails when the vault does; nothing is told then.
    pub async fn tell_expiring(&self, limit: i64) -> Result<usize, Error> {
        let mut transaction = self.database.begin().await?;
        let due = credential::take_expiry_notices(&mut transaction, limit).await?;
        for row in &due {
            if let Some(event) = notice(row) {
                outbox::append(&mut transaction, &event).await?;
            }
        }
        transaction.commit().await?;
        Ok(due.len())
    }
}

/// Returns the event, unless the grant has ended already: nobody can do anything ahead then.
fn notice(row: &credential::ExpiringRow) -> Option<CredentialExpiring> {
    let days_left = u32::try_from(row.days_left).ok().filter(|days| *days > 0)?;
    Some(CredentialExpiring {
        integration_id: row.integration_id.clone(),
        environment_guid: row.environment_guid.to_string(),
        provider: row.provider.clone(),
        expires_at: row.expires_at,
        days_left,
        cause: Cause::AbsoluteExpired.to_string(),
    })
}
