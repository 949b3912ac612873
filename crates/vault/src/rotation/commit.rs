//! Committing an answer on (grant, generation), and settling one that came too late for that.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use workapi_bus::outbox;
use workapi_proto::events::v1::CredentialStateChanged;
use workapi_types::AttemptId;

use super::RotationLease;
use crate::answer::{Origin, SealedAnswer};
use crate::protocol::{self, Settlement};
use crate::sealing;
use crate::store::credential::CommitRow;
use crate::store::{credential, quarantine, rotation_attempt};
use crate::{Error, State, TokenSet, Vault};

/// How long an answer that lost a race is kept, where its class says nothing.
const DEFAULT_GRACE: Duration = Duration::from_mins(10);

/// Where a provider's answer ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is the next generation.
    Committed,
    /// The integration is deleted; a new refresh token waits to be revoked.
    Deleted,
    /// The user reconnected meanwhile; the answer belongs to a grant that is gone.
    Replaced,
    /// Another attempt made the next generation; the answer is kept aside.
    Quarantined,
    /// Later generations are stored already; nobody needs the answer.
    Beyond,
    /// The vault knows nothing of this grant: it was restored from an older backup. Only a whole
    /// grant can be stored there, by [`Vault::connect`].
    UnknownGrant,
}

impl Vault {
    /// Seals an answer for generation n + 1, once. Without a new refresh token the old one goes
    /// on (RFC 6749 section 6).
    ///
    /// # Errors
    /// Fails when a key is missing.
    pub fn seal_answer(
        &self,
        lease: &RotationLease,
        tokens: &TokenSet,
    ) -> Result<SealedAnswer, Error> {
        let new_token = tokens.refresh_token.as_ref();
        let generation = lease.generation + 1;
        let pair = sealing::seal_pair(
            &self.keyring,
            &lease.salt,
            lease.slot(generation),
            &tokens.access_token,
            Some(new_token.unwrap_or(&lease.refresh_token)),
        )?;
        let scopes = tokens.scopes.as_ref().unwrap_or(&lease.granted_scopes);
        Ok(SealedAnswer {
            integration_id: lease.integration_id.clone(),
            grant_id: lease.grant_id,
            generation,
            origin: Origin::Attempt(lease.attempt_id),
            grant: lease.grant.clone(),
            pair,
            salt: lease.salt.clone(),
            has_new_refresh_token: new_token.is_some(),
            scopes: scopes.to_string(),
            scopes_changed: *scopes != lease.granted_scopes,
            deadlines: tokens.deadlines(lease.grant_id, generation),
            sealed_at: Instant::now(),
        })
    }

    /// Commits an answer as generation n + 1, whoever holds the lease by now.
    ///
    /// `grace` is the grace period of the provider's class: how long an answer that lost a
    /// race is worth keeping.
    ///
    /// # Errors
    /// Fails when the vault does. The outcome of a commit may then be unknown: calling again
    /// with the same answer is safe, and needed.
    pub async fn commit_rotation(
        &self,
        lease: &RotationLease,
        answer: &SealedAnswer,
        grace: Option<Duration>,
    ) -> Result<Settled, Error> {
        let row = answer.commit_row(lease.attempt_id, lease.generation);
        if self.commit_together(row).await? {
            return Ok(Settled::Committed);
        }
        let mut transaction = self.database.begin().await?;
        let settled = settle(&mut transaction, lease.attempt_id, answer, grace).await?;
        if settled == Settled::Deleted && !answer.has_new_refresh_token {
            credential::postpone(&mut transaction, lease, Duration::ZERO).await?;
        }
        transaction.commit().await?;
        Ok(settled)
    }

    /// Commits an answer, together with those of others. Returns whether the row still had what the
    /// answer follows.
    async fn commit_together(&self, row: CommitRow) -> Result<bool, Error> {
        let pool = self.database.pool();
        let together = self.committing.ask(row.clone(), async |rows| {
            let committed: HashSet<_> = credential::commit_all(pool, &rows)
                .await?
                .into_iter()
                .collect();
            let is_committed = |row: &CommitRow| committed.contains(&row.attempt_id.as_uuid());
            Ok(rows.iter().map(is_committed).collect())
        });
        match together.await {
            Some(is_committed) => Ok(is_committed),
            None => Ok(!credential::commit_all(pool, &[row]).await?.is_empty()),
        }
    }

    /// Stores an answer to a rotation that was found in the journal or in a spill file.
    pub(crate) async fn fold_rotation(
        &self,
        attempt_id: AttemptId,
        answer: &SealedAnswer,
    ) -> Result<Settled, Error> {
        let mut transaction = self.database.begin().await?;
        let settled = settle(&mut transaction, attempt_id, answer, None).await?;
        transaction.commit().await?;
        Ok(settled)
    }
}

/// Decides under the row's lock where an answer belongs (sections 4.6 and 6), and stores it there.
async fn settle(
    transaction: &mut sqlx::PgConnection,
    attempt_id: AttemptId,
    answer: &SealedAnswer,
    grace: Option<Duration>,
) -> Result<Settled, Error> {
    if rotation_attempt::is_committed(transaction, attempt_id).await? {
        return Ok(Settled::Committed);
    }
    let row = credential::lock_pair(transaction, &answer.integration_id).await?;
    let stored = row.as_ref().map(credential::PairRow::stored);
    let settled = match protocol::settle(&answer.named(), stored.as_ref()) {
        Settlement::Commit => {
            let generation = stored.map_or(0, |stored| stored.generation);
            let row = answer.commit_row(attempt_id, generation);
            credential::commit_all(transaction, &[row]).await?;
            return Ok(Settled::Committed);
        }
        Settlement::AlreadyCommitted => return Ok(Settled::Committed),
        Settlement::NewerGrant => return Ok(Settled::UnknownGrant),
        Settlement::Replaced => Settled::Replaced,
        Settlement::Beyond => Settled::Beyond,
        Settlement::Ended => {
            if answer.has_new_refresh_token {
                credential::replace_revoking_pair(transaction, attempt_id, answer).await?;
            }
            Settled::Deleted
        }
        Settlement::Quarantine => {
            let keep_for = grace.unwrap_or(DEFAULT_GRACE);
            quarantine::insert(transaction, attempt_id, answer, keep_for).await?;
            revive(transaction, answer).await?;
            Settled::Quarantined
        }
    };
    rotation_attempt::finish(transaction, attempt_id, "superseded").await?;
    Ok(settled)
}

/// Has a credential looked at again that was called dead before this answer came: its token is a
/// chance that nobody has tried.
async fn revive(transaction: &mut sqlx::PgConnection, answer: &SealedAnswer) -> Result<(), Error> {
    let Some(cause) = credential::revive(transaction, &answer.integration_id).await? else {
        return Ok(());
    };
    let state = State::RefreshFailing;
    let event = CredentialStateChanged {
        integration_id: answer.integration_id.to_string(),
        environment_guid: answer.grant.environment_guid.to_string(),
        provider: answer.grant.provider.to_string(),
        state: state.to_string(),
        cause,
        action: state.action().to_string(),
    };
    Ok(outbox::append(transaction, &event).await?)
}
