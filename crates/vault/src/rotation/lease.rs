//! The lease: who may send a refresh token.

use std::collections::HashMap;
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
use crate::store::credential::{AskedLease, LeasedRow};
use crate::store::rotation_attempt::AttemptRow;
use crate::store::{credential, rotation_attempt};
use crate::{Error, State, Vault, plan};

/// How much longer than the provider's deadline a lease lasts: the time to seal and commit.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// A job that began this often and never ended is taken out of circulation.
pub(crate) const MAX_UNFINISHED_JOBS: i32 = 3;

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
    /// How long the lease lasts, from `leased_at` on.
    pub(super) length: Duration,
    pub(super) lease_token: Uuid,
    pub(super) salt: Salt,
    pub(super) failures: i32,
    pub(super) past_absolute_end: bool,
    pub(super) since_success: Duration,
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

impl RotationLease {
    /// Returns how long the lease lasts from now, at least.
    pub fn time_left(&self) -> Duration {
        self.length.saturating_sub(self.leased_at.elapsed())
    }

    pub(crate) fn lease_token(&self) -> Uuid {
        self.lease_token
    }

    /// Says why the provider rejected this grant without a reason, where the calendar knows it:
    /// its end came, or nobody used it for longer than `idle`.
    pub fn explain(&self, cause: Cause, idle: Option<Duration>) -> Cause {
        let since_success = self.since_success + self.leased_at.elapsed();
        plan::explain_rejection(cause, self.past_absolute_end, since_success, idle)
    }

    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    pub(crate) fn failures(&self) -> i32 {
        self.failures
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
        let asked = AskedLease {
            claim,
            lease_token: Uuid::new_v4(),
            attempt_id: AttemptId::new(),
            length: deadline + LEASE_MARGIN,
        };
        let leased_at = Instant::now();
        let Some(row) = self.lease(asked.clone()).await? else {
            return Ok(RotationStart::NothingDue);
        };
        if row.unfinished_jobs > MAX_UNFINISHED_JOBS {
            self.give_up(&asked, row.grant.try_into()?).await?;
            return Ok(RotationStart::Poisoned);
        }
        match self.open_lease(&asked, row, leased_at) {
            Ok(lease) => Ok(RotationStart::Leased(Box::new(lease))),
            Err(error) => {
                // Nothing is sent; the job counts as one that died.
                if let Err(error) = self.was_not_sent(asked.attempt_id).await {
                    tracing::warn!(integration.id = %asked.claim.integration_id, %error, "an attempt that was not made stays recorded");
                }
                Err(error)
            }
        }
    }

    /// Asks for a lease, together with whoever else asks for one now.
    async fn lease(&self, asked: AskedLease) -> Result<Option<LeasedRow>, Error> {
        let pool = self.database.pool();
        let together = self.leasing.ask(asked.clone(), async |all| {
            let rows = credential::lease_all(pool, &all).await?;
            let mut rows: HashMap<_, _> =
                rows.into_iter().map(|row| (row.attempt_id, row)).collect();
            let row_of = |one: &AskedLease| rows.remove(&one.attempt_id.as_uuid());
            Ok(all.iter().map(row_of).collect())
        });
        match together.await {
            Some(row) => Ok(row),
            None => Ok(credential::lease_all(pool, &[asked]).await?.pop()),
        }
    }

    /// Leaves a credential whose jobs died three times to an operator.
    async fn give_up(&self, asked: &AskedLease, grant: Grant) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        rotation_attempt::finish(&mut transaction, asked.attempt_id, "not_sent").await?;
        let integration_id = &asked.claim.integration_id;
        if credential::give_up(&mut transaction, integration_id, asked.lease_token).await? {
            outbox::append(&mut transaction, &given_up(integration_id, &grant)).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn was_not_sent(&self, attempt_id: AttemptId) -> Result<(), Error> {
        let mut connection = self.database.pool().acquire().await?;
        Ok(rotation_attempt::finish(&mut connection, attempt_id, "not_sent").await?)
    }

    fn open_lease(
        &self,
        asked: &AskedLease,
        row: LeasedRow,
        leased_at: Instant,
    ) -> Result<RotationLease, Error> {
        let claim = &asked.claim;
        let salt = Salt::from_slice(&row.salt)?;
        let slot = PairSlot {
            integration_id: &claim.integration_id,
            grant_id: claim.grant_id,
            generation: row.generation,
        };
        let refresh_token = sealing::open_refresh(&self.keyring, &salt, slot, &row.sealed_refresh)?;
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds.max(0.0));
        Ok(RotationLease {
            attempt_id: asked.attempt_id,
            integration_id: claim.integration_id.clone(),
            grant: row.grant.try_into()?,
            grant_id: claim.grant_id,
            generation: row.generation,
            refresh_token,
            granted_scopes: row.granted_scopes.split_whitespace().collect(),
            leased_at,
            unresolved: row.unresolved_for.map(|age| Unresolved {
                first_sent: seconds(age),
            }),
            access_left: seconds(row.access_left),
            length: asked.length,
            lease_token: asked.lease_token,
            salt,
            failures: row.failures,
            past_absolute_end: row.past_absolute_end,
            since_success: seconds(row.since_success),
        })
    }
}

fn given_up(integration_id: &IntegrationId, grant: &Grant) -> CredentialStateChanged {
    CredentialStateChanged {
        integration_id: integration_id.to_string(),
        environment_guid: grant.environment_guid.to_string(),
        provider: grant.provider.to_string(),
        state: State::NeedsOperator.to_string(),
        cause: Cause::Internal.to_string(),
        action: State::NeedsOperator.action().to_string(),
    }
}
