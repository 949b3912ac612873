//! What is tried before a grant is called dead: answers of the same grant that lost a race
//! (refresh protocol, section 4.6).

use std::time::Instant;

use workapi_keyring::Salt;
use workapi_types::AttemptId;

use super::RotationLease;
use crate::sealing::{self, PairSlot};
use crate::store::{credential, quarantine, rotation_attempt};
use crate::{Error, Vault};

/// A quarantined answer whose refresh token is tried in the place of the stored one.
#[derive(Debug)]
pub struct SecondChance {
    /// The lease, with the other refresh token and an attempt of its own.
    pub lease: RotationLease,
    /// The attempt whose answer it was.
    pub quarantined: AttemptId,
}

impl Vault {
    /// Finds the newest live quarantined answer of the lease's grant that was not tried yet, and
    /// records an attempt with its refresh token under the lease, which begins anew; `None` when there
    /// is none, or the lease is not ours any more.
    ///
    /// An answer counts as tried only when it is `refused`, so that a crash does not cost it.
    ///
    /// # Errors
    /// Fails when the vault does; nothing may be sent then.
    pub async fn second_chance(
        &self,
        lease: &RotationLease,
        refused: Option<AttemptId>,
    ) -> Result<Option<SecondChance>, Error> {
        let mut transaction = self.database.begin().await?;
        if let Some(refused) = refused {
            quarantine::mark_tried(&mut transaction, refused).await?;
        }
        let leased_at = Instant::now();
        let row = if credential::renew(&mut transaction, lease).await? {
            quarantine::newest(&mut transaction, lease).await?
        } else {
            None
        };
        let Some(row) = row else {
            transaction.commit().await?;
            return Ok(None);
        };
        let slot = PairSlot {
            integration_id: &lease.integration_id,
            grant_id: lease.grant_id,
            generation: row.generation,
        };
        let salt = Salt::from_slice(&row.salt)?;
        let refresh_token = sealing::open_refresh(&self.keyring, &salt, slot, &row.sealed_refresh)?;
        let attempt_id = AttemptId::new();
        rotation_attempt::finish(&mut transaction, lease.attempt_id, "rejected").await?;
        rotation_attempt::insert(&mut transaction, &lease.attempt(attempt_id)).await?;
        transaction.commit().await?;
        Ok(Some(SecondChance {
            lease: RotationLease {
                attempt_id,
                refresh_token,
                leased_at,
                ..lease.clone()
            },
            quarantined: AttemptId::from_uuid(row.attempt_id),
        }))
    }
}
