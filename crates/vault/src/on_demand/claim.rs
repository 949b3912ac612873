//! Claiming a credential because somebody needs it now, past the scheduler.

use std::time::Instant;

use workapi_providers::{Action, Cause};
use workapi_types::{GrantId, IntegrationId};

use super::standing::Standing;
use crate::store::on_demand as store;
use crate::{Claim, Error, Vault};

/// A claim that was made on demand.
#[derive(Clone, Debug)]
pub struct OnDemandClaim {
    /// The claim; a job of an older one is void.
    pub claim: Claim,
    /// The generation that is stale.
    pub generation: i64,
}

/// What came of a request to refresh a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshResult {
    /// A newer generation is committed.
    Refreshed {
        /// The grant, which may be new as well.
        grant_id: GrantId,
        /// The generation.
        generation: i64,
    },
    /// Somebody else has it.
    Joined,
    /// Its access token is young, or there is none to refresh.
    Current,
    /// It could not be refreshed, or must not be before its time.
    Failed {
        /// Why, if that is known.
        cause: Option<Cause>,
        /// What has to happen.
        action: Action,
    },
}

/// Whether a credential could be claimed.
#[derive(Clone, Debug)]
pub enum ClaimNow {
    /// It was: it has to be rotated now.
    Claimed(OnDemandClaim),
    /// It must not be rotated now.
    Refused(RefreshResult),
}

impl Vault {
    /// Claims a credential whose access token is in the second half of its life, or was refused:
    /// nobody who asks for one is told that younger ones are stale. Not while a lease is live,
    /// and not before its time when it failed.
    ///
    /// # Errors
    /// Fails when the vault does; nothing is claimed then.
    pub async fn claim_now(&self, integration_id: &IntegrationId) -> Result<ClaimNow, Error> {
        if let Some(row) = store::claim_now(self.database.pool(), integration_id).await? {
            return Ok(ClaimNow::Claimed(OnDemandClaim {
                claim: row.claim.try_into()?,
                generation: row.generation,
            }));
        }
        let standing = self.standing(integration_id).await?;
        Ok(ClaimNow::Refused(match standing {
            Some(standing) if standing.is_leased => RefreshResult::Joined,
            Some(standing) => failure(&standing).unwrap_or(RefreshResult::Current),
            None => RefreshResult::Current,
        }))
    }

    /// Returns what came of a claim once its work is done.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn result_of(&self, claimed: &OnDemandClaim) -> Result<RefreshResult, Error> {
        let claim = &claimed.claim;
        let standing = self.standing(&claim.integration_id).await?;
        Ok(match standing {
            None => RefreshResult::Current,
            Some(standing) if standing.key() != (claim.grant_id, claimed.generation) => {
                RefreshResult::Refreshed {
                    grant_id: standing.grant_id,
                    generation: standing.generation,
                }
            }
            // Without a failure it waits for room, or somebody has claimed it since.
            Some(standing) => failure(&standing).unwrap_or(RefreshResult::Joined),
        })
    }

    async fn standing(&self, integration_id: &IntegrationId) -> Result<Option<Standing>, Error> {
        let read_at = Instant::now();
        let row = store::read(self.database.pool(), integration_id).await?;
        row.map(|row| Standing::of(row, read_at)).transpose()
    }
}

/// Returns why a credential is not being refreshed, if that is so.
fn failure(standing: &Standing) -> Option<RefreshResult> {
    let action = match standing.state.action() {
        // A failure that nobody is served less for does not show in the state.
        Action::None if standing.is_backing_off() => Action::Wait,
        action => action,
    };
    let is_failure = standing.is_backing_off() || !standing.may_be_refreshed();
    is_failure.then_some(RefreshResult::Failed {
        cause: standing.cause,
        action,
    })
}
