//! Deleting: the tombstone, revoking where it is safe, shredding (refresh protocol,
//! section 5).

use std::time::Duration;

use sqlx::{Postgres, Transaction};
use uuid::Uuid;
use workapi_bus::outbox;
use workapi_keyring::Salt;
use workapi_proto::events::v1::CredentialRevoked;
use workapi_proto::jobs::v1::CredentialJob;
use workapi_telemetry::propagation::current_traceparent;
use workapi_types::{
    AccessToken, IntegrationId, ProviderConfigId, ProviderName, RefreshToken, UserId,
};

pub use workapi_proto::events::v1::ProviderRevocation;

use crate::back_off::back_off;
use crate::rotation::{LEASE_MARGIN, MAX_UNFINISHED_JOBS};
use crate::sealing::{self, PairSlot};
use crate::store::{credential, lock, quarantine, tombstone, used_state};
use crate::{Error, Vault};

/// How long to wait for a connection that may bring a sibling.
const SIBLING_PAUSE: Duration = Duration::from_secs(2);

/// The duty to end one credential at its provider.
#[derive(Debug)]
pub struct RevocationLease {
    /// The integration that was deleted.
    pub integration_id: IntegrationId,
    /// The provider.
    pub provider: ProviderName,
    /// The OAuth client to which it was granted.
    pub provider_config_id: ProviderConfigId,
    /// What a revocation reaches at most (`Manifest::revocation_group`).
    pub revocation_group: String,
    /// Issuer and subject of the account.
    pub provider_subject: String,
    /// The refresh token, where there is one.
    pub refresh_token: Option<RefreshToken>,
    /// The access token, where there is one.
    pub access_token: Option<AccessToken>,
    /// Whether 24 hours of trying are over.
    pub out_of_time: bool,
    user_id: UserId,
    lease_token: Uuid,
    failures: i32,
}

impl RevocationLease {
    pub(crate) fn lease_token(&self) -> Uuid {
        self.lease_token
    }
}

/// Whether a revocation may begin.
#[derive(Debug)]
pub enum RevocationStart {
    /// It may.
    Leased(Box<RevocationLease>),
    /// Somebody else is at it, or there is nothing to do.
    NothingDue,
    /// The job's process died three times. The credential stays `revoking`, and unusable; it is
    /// tried again when an operator says so, and shredded when its 24 hours are over.
    Poisoned,
}

/// Whether a revocation that reaches more than its own token may be sent.
#[derive(Debug)]
pub enum Clearance {
    /// It may, while the guard is held.
    Clear(AccountGuard),
    /// Another live credential of the account would die with it.
    Siblings,
    /// A connection under way may bring one; the job comes back by itself.
    Waiting,
    /// A sibling's revocation reached this one too.
    AlreadyDone,
}

/// Keeps everybody else from deciding about the same account. Dropping it decides nothing.
#[derive(Debug)]
pub struct AccountGuard(Transaction<'static, Postgres>);

impl Vault {
    /// Deletes the credential of an integration, present or to come: it is unusable from now
    /// on, and its revocation is due.
    ///
    /// # Errors
    /// Fails when the vault does; nothing is changed then.
    pub async fn delete(&self, integration_id: &IntegrationId) -> Result<(), Error> {
        let traceparent = current_traceparent();
        let mut transaction = self.database.begin().await?;
        lock::integration(&mut transaction, integration_id).await?;
        tombstone::insert(&mut transaction, integration_id).await?;
        credential::begin_revoking(&mut transaction, integration_id, traceparent.as_deref())
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Leases a credential for its revocation, and counts the job that begins.
    ///
    /// # Errors
    /// Fails when the vault does; the job is then left to be delivered again.
    pub async fn start_revocation(
        &self,
        job: &CredentialJob,
        deadline: Duration,
    ) -> Result<RevocationStart, Error> {
        let Some(claim) = credential::ClaimKey::of(job) else {
            return Ok(RevocationStart::NothingDue);
        };
        let lease_token = Uuid::new_v4();
        let length = deadline + LEASE_MARGIN;
        let mut transaction = self.database.begin().await?;
        let leased =
            credential::lease_revocation(&mut transaction, &claim, lease_token, length).await?;
        let Some(row) = leased else {
            return Ok(RevocationStart::NothingDue);
        };
        // What only has to be shredded is not sent anywhere, and is never given up.
        let poisoned = row.unfinished_jobs >= MAX_UNFINISHED_JOBS && !row.out_of_time;
        if poisoned {
            credential::park_revocation(&mut transaction, &claim).await?;
        }
        transaction.commit().await?;
        if poisoned {
            return Ok(RevocationStart::Poisoned);
        }
        let lease = self.open_revocation(claim, row, lease_token)?;
        Ok(RevocationStart::Leased(Box::new(lease)))
    }

    fn open_revocation(
        &self,
        claim: credential::ClaimKey,
        row: credential::RevocableRow,
        lease_token: Uuid,
    ) -> Result<RevocationLease, Error> {
        let slot = PairSlot {
            integration_id: &claim.integration_id,
            grant_id: claim.grant_id,
            generation: row.generation,
        };
        let (refresh_token, access_token) = match &row.salt {
            Some(salt) => self.open_pair(&Salt::from_slice(salt)?, slot, &row)?,
            None => (None, None),
        };
        Ok(RevocationLease {
            provider: row
                .provider
                .try_into()
                .map_err(|_| Error::Corrupt("provider name"))?,
            provider_config_id: ProviderConfigId::from_uuid(row.provider_config_id),
            revocation_group: row.revocation_group,
            provider_subject: row.provider_subject,
            refresh_token,
            access_token,
            out_of_time: row.out_of_time,
            user_id: row
                .user_id
                .try_into()
                .map_err(|_| Error::Corrupt("user id"))?,
            lease_token,
            failures: row.failures,
            integration_id: claim.integration_id,
        })
    }

    fn open_pair(
        &self,
        salt: &Salt,
        slot: PairSlot<'_>,
        row: &credential::RevocableRow,
    ) -> Result<(Option<RefreshToken>, Option<AccessToken>), Error> {
        let refresh = row.sealed_refresh.as_deref();
        let access = row.sealed_access.as_deref();
        Ok((
            refresh
                .map(|sealed| sealing::open_refresh(&self.keyring, salt, slot, sealed))
                .transpose()?,
            access
                .map(|sealed| sealing::open_access(&self.keyring, salt, slot, sealed))
                .transpose()?,
        ))
    }

    /// Asks whether a revocation with a reach beyond its own token is safe right now.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn clear_revocation(&self, lease: &RevocationLease) -> Result<Clearance, Error> {
        let mut transaction = self.database.begin().await?;
        lock::account(
            &mut transaction,
            &lease.revocation_group,
            &lease.provider_subject,
        )
        .await?;
        if !credential::is_revoking(&mut transaction, lease).await? {
            return Ok(Clearance::AlreadyDone);
        }
        if credential::has_live_sibling(&mut transaction, lease).await? {
            return Ok(Clearance::Siblings);
        }
        let may_come = used_state::may_bring_a_sibling(
            &mut transaction,
            &lease.revocation_group,
            &lease.user_id,
            &lease.integration_id,
        );
        if may_come.await? {
            credential::retry_revocation(&mut transaction, lease, SIBLING_PAUSE, false).await?;
            transaction.commit().await?;
            return Ok(Clearance::Waiting);
        }
        Ok(Clearance::Clear(AccountGuard(transaction)))
    }

    /// Shreds a credential and says what happened at the provider.
    ///
    /// # Errors
    /// Fails when the vault does; the revocation is then tried again.
    pub async fn finish_revocation(
        &self,
        lease: &RevocationLease,
        result: ProviderRevocation,
    ) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        let revoked = credential::finish_one(&mut transaction, lease).await?;
        settle(&mut transaction, revoked, result).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Shreds every credential of the account that waits for its revocation, because the one
    /// that was confirmed reached them all.
    ///
    /// # Errors
    /// Fails when the vault does; the revocation is then tried again.
    pub async fn finish_account(
        &self,
        lease: &RevocationLease,
        guard: AccountGuard,
    ) -> Result<(), Error> {
        let AccountGuard(mut transaction) = guard;
        let revoked = credential::finish_account(&mut transaction, lease).await?;
        settle(&mut transaction, revoked, ProviderRevocation::Done).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Puts a revocation off that the provider did not confirm.
    ///
    /// # Errors
    /// Fails when the vault does; the lease then ends by itself.
    pub async fn retry_revocation(
        &self,
        lease: &RevocationLease,
        retry_after: Option<Duration>,
    ) -> Result<(), Error> {
        let after = back_off(&lease.integration_id, lease.failures, retry_after);
        let mut connection = self.database.pool().acquire().await?;
        Ok(credential::retry_revocation(&mut connection, lease, after, true).await?)
    }
}

/// Removes what else is stored of shredded credentials, and tells about them.
async fn settle(
    transaction: &mut sqlx::PgConnection,
    revoked: Vec<credential::Revoked>,
    result: ProviderRevocation,
) -> Result<(), Error> {
    for credential in revoked {
        let integration_id = IntegrationId::try_from(credential.integration_id)
            .map_err(|_| Error::Corrupt("integration id"))?;
        quarantine::delete(transaction, &integration_id).await?;
        let event = CredentialRevoked {
            integration_id: integration_id.to_string(),
            environment_guid: credential.environment_guid.to_string(),
            provider: credential.provider,
            provider_revocation: result.into(),
        };
        outbox::append(transaction, &event).await?;
    }
    Ok(())
}
