//! Folding: storing in PostgreSQL what only the journal or a spill file has (refresh protocol,
//! section 6).

use workapi_types::{GrantId, IntegrationId};

use super::{Entry, Sinks};
use crate::answer::Origin;
use crate::{Connected, Error, RotationLease, Settled, Vault};

/// What folding an entry came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folded {
    /// It is stored: now, before, or as what nobody needs any more.
    Settled,
    /// The vault lacks its grant, which only who connects can store.
    UnknownGrant,
}

impl Vault {
    /// Stores an entry where it belongs. Doing so again changes nothing.
    pub(crate) async fn fold(&self, entry: Entry) -> Result<Folded, Error> {
        let answer = entry.open(&self.keyring)?;
        let settled = match &answer.origin {
            Origin::Attempt(attempt_id) => self.fold_rotation(*attempt_id, &answer).await?,
            Origin::Exchange { .. } => Settled::UnknownGrant,
        };
        tracing::info!(
            integration.id = %answer.integration_id,
            generation = answer.generation,
            ?settled,
            "an answer was found in the second or third sink"
        );
        Ok(match settled {
            Settled::UnknownGrant => Folded::UnknownGrant,
            _ => Folded::Settled,
        })
    }

    /// Stores an entry as a whole grant, as connecting does.
    pub(crate) async fn fold_grant(&self, entry: Entry) -> Result<Connected, Error> {
        self.connect(&entry.open(&self.keyring)?).await
    }
}

impl Sinks {
    /// Looks in the journal for the answer to an attempt whose outcome is not known, and stores
    /// it. Returns whether the credential has moved on, so that nothing may be sent for it now.
    ///
    /// # Errors
    /// Fails when journal or vault do: then nothing is known, and nothing may be sent.
    pub async fn recover(&self, lease: &RotationLease) -> Result<bool, Error> {
        let Some(entry) = self.journalled(&lease.integration_id).await? else {
            return Ok(false);
        };
        let has_answer = entry.grant_id == lease.grant_id && entry.generation > lease.generation;
        if has_answer {
            self.vault.fold(entry).await?;
        }
        Ok(has_answer)
    }

    /// Looks in the journal for the grant of an exchange that has not ended, and stores it.
    /// Returns what came of it; `None` when the journal has no such grant.
    ///
    /// # Errors
    /// Fails when journal or vault do.
    pub async fn recover_grant(
        &self,
        integration_id: &IntegrationId,
        grant_id: GrantId,
    ) -> Result<Option<Connected>, Error> {
        match self.journalled(integration_id).await? {
            Some(entry) if entry.grant_id == grant_id => {
                self.vault.fold_grant(entry).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Stores what this process left in its spill directory; before it takes any work.
    ///
    /// `may_connect` says whether this program's role may store whole grants. What it may not
    /// store stays.
    ///
    /// # Errors
    /// Fails when a file can't be read or the vault can't be written. The files stay.
    pub async fn fold_spill(&self, may_connect: bool) -> Result<(), Error> {
        let Some(spill) = &self.spill else {
            return Ok(());
        };
        for entry in spill.entries().await? {
            let mut folded = self.vault.fold(entry.clone()).await?;
            if folded == Folded::UnknownGrant && may_connect {
                self.vault.fold_grant(entry.clone()).await?;
                folded = Folded::Settled;
            }
            if folded == Folded::Settled {
                spill.remove(&entry).await?;
            }
        }
        Ok(())
    }
}
