//! Putting a rotation off before anything was sent (refresh protocol, section 9).

use std::time::Duration;

use crate::store::{credential, rotation_attempt};
use crate::{Error, RotationLease, Vault};

impl Vault {
    /// Gives back a lease under which nothing was sent; the credential is due `after` that. It is
    /// no failure, and changes no state.
    ///
    /// # Errors
    /// Fails when the vault does; the lease then ends by itself.
    pub async fn postpone(&self, lease: &RotationLease, after: Duration) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        rotation_attempt::finish(&mut transaction, lease.attempt_id, "not_sent").await?;
        credential::postpone(&mut transaction, lease, after).await?;
        transaction.commit().await?;
        Ok(())
    }
}
