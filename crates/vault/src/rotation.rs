//! Rotating a token pair: lease, attempt, commit on (grant, generation) (refresh protocol,
//! section 4).

use std::time::{Duration, Instant};

use uuid::Uuid;
use workapi_bus::outbox;
use workapi_keyring::Salt;
use workapi_proto::events::v1::{CredentialRefreshed, CredentialStateChanged};
use workapi_proto::jobs::v1::CredentialJob;
use workapi_providers::{Action, Cause};
use workapi_types::{
    AttemptId, EnvironmentGuid, GrantId, IntegrationId, ProviderConfigId, ProviderName,
    RefreshToken, Scopes,
};

use crate::back_off::back_off;
use crate::sealing::{self, PairSlot, SealedPair};
use crate::store::{credential, quarantine, rotation_attempt};
use crate::tokens::Deadlines;
use crate::{Error, State, TokenSet, Vault};

/// How much longer than the provider's deadline a lease lasts: the time to seal and commit.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// A job that began this often and never ended is taken out of circulation.
pub(crate) const MAX_UNFINISHED_JOBS: i32 = 3;

/// The right to send one generation's refresh token to its provider, once.
#[derive(Debug)]
pub struct RotationLease {
    /// The attempt that was recorded with the lease.
    pub attempt_id: AttemptId,
    /// The integration whose credential it is.
    pub integration_id: IntegrationId,
    /// Its environment.
    pub environment_guid: EnvironmentGuid,
    /// The provider.
    pub provider: ProviderName,
    /// The OAuth client to which it was granted.
    pub provider_config_id: ProviderConfigId,
    /// The grant.
    pub grant_id: GrantId,
    /// The generation whose refresh token this is.
    pub generation: i64,
    /// The refresh token to send.
    pub refresh_token: RefreshToken,
    /// The scopes of the grant.
    pub granted_scopes: Scopes,
    /// When the lease was written, on our monotonic clock: never later than PostgreSQL thinks.
    pub leased_at: Instant,
    lease_token: Uuid,
    salt: Salt,
    failures: i32,
}

/// Whether a rotation may begin.
#[derive(Debug)]
pub enum RotationStart {
    /// It may.
    Leased(Box<RotationLease>),
    /// Somebody else is at it, or there is nothing to do.
    NothingDue,
    /// The job's process died three times; the credential waits for an operator.
    Poisoned,
}

/// A provider's answer, sealed for its final place. Every sink stores this ciphertext.
#[derive(Debug)]
pub struct SealedAnswer {
    pair: SealedPair,
    has_new_refresh_token: bool,
    scopes: Scopes,
    tokens_deadlines: Deadlines,
    sealed_at: Instant,
}

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
}

/// Why a rotation brought no tokens.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// The cause, from the closed list.
    pub cause: Cause,
    /// What has to happen.
    pub action: Action,
    /// How long the provider asked to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the provider is known not to have rotated.
    pub rejected: bool,
}

/// An attempt that is about to be recorded, with its lease.
#[derive(Clone, Copy)]
struct Attempt {
    id: AttemptId,
    lease_token: Uuid,
    leased_at: Instant,
}

impl Attempt {
    fn begin() -> Self {
        Self {
            id: AttemptId::new(),
            lease_token: Uuid::new_v4(),
            leased_at: Instant::now(),
        }
    }
}

impl RotationLease {
    pub(crate) fn lease_token(&self) -> Uuid {
        self.lease_token
    }

    fn slot(&self, generation: i64) -> PairSlot<'_> {
        PairSlot {
            integration_id: &self.integration_id,
            grant_id: self.grant_id,
            generation,
        }
    }
}

impl Vault {
    /// Leases the credential of a job and records the attempt, in one transaction.
    ///
    /// The lease ends by itself `deadline` and 30 seconds after the commit.
    ///
    /// # Errors
    /// Fails when the vault does; the job is then left to be delivered again.
    pub async fn start_rotation(
        &self,
        job: &CredentialJob,
        deadline: Duration,
    ) -> Result<RotationStart, Error> {
        let Some(claim) = credential::ClaimKey::of(job) else {
            return Ok(RotationStart::NothingDue);
        };
        let mut transaction = self.database.begin().await?;
        let Some(row) = credential::lock_claimed(&mut transaction, &claim).await? else {
            return Ok(RotationStart::NothingDue);
        };
        if row.unfinished_jobs >= MAX_UNFINISHED_JOBS {
            credential::give_up(&mut transaction, &claim).await?;
            let event = state_changed(&row, &claim, State::NeedsOperator, Cause::Internal);
            outbox::append(&mut transaction, &event).await?;
            transaction.commit().await?;
            return Ok(RotationStart::Poisoned);
        }
        let attempt = Attempt::begin();
        let length = deadline + LEASE_MARGIN;
        credential::lease(&mut transaction, &claim, attempt.lease_token, length).await?;
        rotation_attempt::insert(&mut transaction, attempt.id, &claim, row.generation).await?;
        transaction.commit().await?;
        self.open_lease(claim, row, attempt)
    }

    fn open_lease(
        &self,
        claim: credential::ClaimKey,
        row: credential::LeasableRow,
        attempt: Attempt,
    ) -> Result<RotationStart, Error> {
        let salt = Salt::from_slice(&row.salt)?;
        let slot = PairSlot {
            integration_id: &claim.integration_id,
            grant_id: claim.grant_id,
            generation: row.generation,
        };
        let refresh_token = sealing::open_refresh(&self.keyring, &salt, slot, &row.sealed_refresh)?;
        Ok(RotationStart::Leased(Box::new(RotationLease {
            attempt_id: attempt.id,
            environment_guid: EnvironmentGuid::from_uuid(row.environment_guid),
            provider: row
                .provider
                .try_into()
                .map_err(|_| Error::Corrupt("provider name"))?,
            provider_config_id: ProviderConfigId::from_uuid(row.provider_config_id),
            grant_id: claim.grant_id,
            generation: row.generation,
            refresh_token,
            granted_scopes: row.granted_scopes.split_whitespace().collect(),
            leased_at: attempt.leased_at,
            lease_token: attempt.lease_token,
            salt,
            failures: row.failures,
            integration_id: claim.integration_id,
        })))
    }

    /// Gives back a lease under which nothing was sent; the credential is due at once.
    ///
    /// # Errors
    /// Fails when the vault does; the lease then ends by itself.
    pub async fn return_unsent(&self, lease: &RotationLease) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        rotation_attempt::finish(&mut transaction, lease.attempt_id, "not_sent").await?;
        credential::release(&mut transaction, lease).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Seals an answer for generation n + 1. Without a new refresh token the old one goes on
    /// (RFC 6749 section 6).
    ///
    /// # Errors
    /// Fails when a key is missing.
    pub fn seal_answer(
        &self,
        lease: &RotationLease,
        tokens: &TokenSet,
    ) -> Result<SealedAnswer, Error> {
        let refresh_token = tokens
            .refresh_token
            .as_ref()
            .unwrap_or(&lease.refresh_token);
        let next = lease.generation + 1;
        let pair = sealing::seal_pair(
            &self.keyring,
            &lease.salt,
            lease.slot(next),
            &tokens.access_token,
            Some(refresh_token),
        )?;
        Ok(SealedAnswer {
            pair,
            has_new_refresh_token: tokens.refresh_token.is_some(),
            scopes: tokens
                .scopes
                .clone()
                .unwrap_or_else(|| lease.granted_scopes.clone()),
            tokens_deadlines: tokens.deadlines(lease.grant_id, next),
            sealed_at: Instant::now(),
        })
    }

    /// Commits an answer as generation n + 1, whoever holds the lease by now.
    ///
    /// `keep_for` is the grace period of the provider's class: how long an answer that lost a
    /// race is worth keeping.
    ///
    /// # Errors
    /// Fails when the vault does. The outcome of a commit may then be unknown: calling again
    /// with the same answer is safe, and needed.
    pub async fn commit_rotation(
        &self,
        lease: &RotationLease,
        answer: &SealedAnswer,
        keep_for: Duration,
    ) -> Result<Settled, Error> {
        let mut transaction = self.database.begin().await?;
        let committed = credential::commit_generation(&mut transaction, &answer.row(lease)).await?;
        let settled = if committed {
            outbox::append(&mut transaction, &refreshed_event(lease, answer)).await?;
            Settled::Committed
        } else {
            self.settle_late_answer(&mut transaction, lease, answer, keep_for)
                .await?
        };
        let attempt_state = if settled == Settled::Committed {
            "committed"
        } else {
            "superseded"
        };
        rotation_attempt::finish(&mut transaction, lease.attempt_id, attempt_state).await?;
        transaction.commit().await?;
        Ok(settled)
    }

    /// Decides about an answer whose generation was not there any more (section 4.6).
    async fn settle_late_answer(
        &self,
        transaction: &mut sqlx::PgConnection,
        lease: &RotationLease,
        answer: &SealedAnswer,
        keep_for: Duration,
    ) -> Result<Settled, Error> {
        if rotation_attempt::is_committed(transaction, lease.attempt_id).await? {
            return Ok(Settled::Committed);
        }
        let Some(row) = credential::lock_pair(transaction, &lease.integration_id).await? else {
            return Ok(Settled::Replaced);
        };
        if row.grant_id != lease.grant_id {
            return Ok(Settled::Replaced);
        }
        if matches!(row.state, State::Revoking | State::Revoked) {
            if answer.has_new_refresh_token {
                credential::replace_revoking_pair(transaction, &answer.row(lease)).await?;
            } else {
                credential::release(transaction, lease).await?;
            }
            return Ok(Settled::Deleted);
        }
        quarantine::insert(transaction, &answer.row(lease), keep_for).await?;
        Ok(Settled::Quarantined)
    }

    /// Records that a rotation brought nothing, and when to look again. Without the lease it
    /// records nothing: whoever has it knows better.
    ///
    /// Returns the state that the credential has now, `None` when the lease was lost.
    ///
    /// # Errors
    /// Fails when the vault does; the lease then ends by itself.
    pub async fn record_failure(
        &self,
        lease: &RotationLease,
        failure: &Failure,
    ) -> Result<Option<State>, Error> {
        let back_off = back_off(lease.failures, failure.retry_after);
        let mut transaction = self.database.begin().await?;
        let attempt_state = if failure.rejected {
            "rejected"
        } else {
            "unknown"
        };
        rotation_attempt::finish(&mut transaction, lease.attempt_id, attempt_state).await?;
        let change = credential::record_failure(&mut transaction, lease, failure, back_off).await?;
        match &change {
            Some(change) if change.is_news() => {
                outbox::append(&mut transaction, &change.event(lease, failure.action)).await?;
            }
            Some(_) => {}
            // If it is the deletion that came between, its revocation waits for this lease.
            None => credential::release(&mut transaction, lease).await?,
        }
        transaction.commit().await?;
        change
            .map(|change| State::parse(&change.state).ok_or(Error::Corrupt("state")))
            .transpose()
    }
}

impl SealedAnswer {
    fn row<'a>(&'a self, lease: &'a RotationLease) -> credential::GenerationRow<'a> {
        credential::GenerationRow {
            lease,
            pair: &self.pair,
            salt: &lease.salt,
            scopes: self.scopes.to_string(),
            deadlines: self.tokens_deadlines.later(self.sealed_at.elapsed()),
        }
    }
}

fn refreshed_event(lease: &RotationLease, answer: &SealedAnswer) -> CredentialRefreshed {
    CredentialRefreshed {
        integration_id: lease.integration_id.to_string(),
        environment_guid: lease.environment_guid.to_string(),
        provider: lease.provider.to_string(),
        grant_id: lease.grant_id.to_string(),
        generation: lease.generation + 1,
        granted_scopes: answer.scopes.to_string(),
        scopes_changed: answer.scopes != lease.granted_scopes,
    }
}

fn state_changed(
    row: &credential::LeasableRow,
    claim: &credential::ClaimKey,
    state: State,
    cause: Cause,
) -> CredentialStateChanged {
    CredentialStateChanged {
        integration_id: claim.integration_id.to_string(),
        environment_guid: row.environment_guid.to_string(),
        provider: row.provider.clone(),
        state: state.to_string(),
        cause: cause.to_string(),
        action: state.action().to_string(),
    }
}

impl credential::StateChange {
    fn event(&self, lease: &RotationLease, action: Action) -> CredentialStateChanged {
        CredentialStateChanged {
            integration_id: lease.integration_id.to_string(),
            environment_guid: lease.environment_guid.to_string(),
            provider: lease.provider.to_string(),
            state: self.state.clone(),
            cause: self.cause.clone().unwrap_or_default(),
            action: action.to_string(),
        }
    }
}
