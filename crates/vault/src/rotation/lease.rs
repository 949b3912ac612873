//! The lease: who may send a refresh token.

use std::time::{Duration, Instant};

use uuid::Uuid;
use workapi_bus::outbox;
use workapi_keyring::Salt;
use workapi_proto::events::v1::CredentialStateChanged;
use workapi_proto::jobs::v1::CredentialJob;
use workapi_providers::Cause;
use workapi_types::{AttemptId, GrantId, IntegrationId, RefreshToken, Scopes};

use crate::grant::Grant;
use crate::protocol::Unresolved;
use crate::sealing::{self, PairSlot};
use crate::store::rotation_attempt::AttemptRow;
use crate::store::{credential, rotation_attempt};
use crate::{Error, State, Vault};

/// How much longer than the provider's deadline a lease lasts: the time to seal and commit.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// A job that began this often and never ended is taken out of circulation.
const MAX_UNFINISHED_JOBS: i32 = 3;

/// The right to send one generation's refresh token to its provider, once.
#[derive(Clone, Debug)]
pub struct RotationLease {
    /// The attempt that was recorded with the lease.
    pub attempt_id: AttemptId,
    /// The integration whose credential it is.
    pub integration_id: IntegrationId,
    /// What the credential was granted for.
    pub grant: Grant,
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
    /// An earlier attempt at this generation of which nobody knows what became.
    pub unresolved: Option<Unresolved>,
    /// The life that the stored access token had left when the lease was written.
    pub access_left: Duration,
    pub(super) lease_token: Uuid,
    pub(super) salt: Salt,
    pub(super) failures: i32,
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

    /// Names an attempt to send the token of this lease.
    pub(super) fn attempt(&self, attempt_id: AttemptId) -> AttemptRow<'_> {
        AttemptRow {
            attempt_id,
            integration_id: &self.integration_id,
            grant_id: self.grant_id,
            generation: self.generation,
        }
    }

    pub(super) fn slot(&self, generation: i64) -> PairSlot<'_> {
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
            outbox::append(&mut transaction, &given_up(&row, &claim)).await?;
            transaction.commit().await?;
            return Ok(RotationStart::Poisoned);
        }
        let attempt = Attempt::begin();
        let length = deadline + LEASE_MARGIN;
        credential::lease(&mut transaction, &claim, attempt.lease_token, length).await?;
        let lease = self.open_lease(claim, row, attempt)?;
        rotation_attempt::insert(&mut transaction, &lease.attempt(attempt.id)).await?;
        transaction.commit().await?;
        Ok(RotationStart::Leased(Box::new(lease)))
    }

    fn open_lease(
        &self,
        claim: credential::ClaimKey,
        row: credential::LeasableRow,
        attempt: Attempt,
    ) -> Result<RotationLease, Error> {
        let salt = Salt::from_slice(&row.salt)?;
        let slot = PairSlot {
            integration_id: &claim.integration_id,
            grant_id: claim.grant_id,
            generation: row.generation,
        };
        let refresh_token = sealing::open_refresh(&self.keyring, &salt, slot, &row.sealed_refresh)?;
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds.max(0.0));
        Ok(RotationLease {
            attempt_id: attempt.id,
            grant: row.grant.try_into()?,
            grant_id: claim.grant_id,
            generation: row.generation,
            refresh_token,
            granted_scopes: row.granted_scopes.split_whitespace().collect(),
            leased_at: attempt.leased_at,
            unresolved: row.unresolved_for.map(|age| Unresolved {
                first_sent: seconds(age),
            }),
            access_left: seconds(row.access_left),
            lease_token: attempt.lease_token,
            salt,
            failures: row.failures,
            integration_id: claim.integration_id,
        })
    }

    /// Gives back a lease under which nothing was sent; the credential is due again after a while.
    ///
    /// # Errors
    /// Fails when the vault does; the lease then ends by itself.
    pub async fn return_unsent(&self, lease: &RotationLease, after: Duration) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        rotation_attempt::finish(&mut transaction, lease.attempt_id, "not_sent").await?;
        credential::release(&mut transaction, lease, after).await?;
        transaction.commit().await?;
        Ok(())
    }
}

fn given_up(row: &credential::LeasableRow, claim: &credential::ClaimKey) -> CredentialStateChanged {
    CredentialStateChanged {
        integration_id: claim.integration_id.to_string(),
        environment_guid: row.grant.environment_guid.to_string(),
        provider: row.grant.provider.clone(),
        state: State::NeedsOperator.to_string(),
        cause: Cause::Internal.to_string(),
        action: State::NeedsOperator.action().to_string(),
    }
}
