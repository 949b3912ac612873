//! Claiming what is due (refresh protocol, sections 3 and 9). Every replica may; nobody leads.

use std::collections::HashMap;
use std::time::Duration;

use workapi_types::{GrantId, IntegrationId, ProviderName};

use crate::plan::{FreshnessPolicy, Need, Standing, need};
use crate::store::credential as store;
use crate::{Error, State, Vault};

/// What a claimed credential is due for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A refresh.
    Refresh,
    /// A revocation at the provider.
    Revoke,
}

/// A credential that somebody must look at within 30 seconds, or it is due again.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The integration whose credential it is.
    pub integration_id: IntegrationId,
    /// The provider.
    pub provider: ProviderName,
    /// The grant that is due.
    pub grant_id: GrantId,
    /// Counts the claims of this credential, so that a retry is told from a duplicate.
    pub claim_seq: i64,
    /// What it is due for.
    pub task: Task,
    /// The trace that caused it, where there is one.
    pub traceparent: Option<String>,
}

/// How many refreshes of a provider may be claimed.
#[derive(Clone, Debug)]
pub struct Room {
    /// The provider.
    pub provider: ProviderName,
    /// How many.
    pub places: i64,
    /// How the provider wants its credentials kept.
    pub policy: FreshnessPolicy,
}

/// What was claimed.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// What has to be done, the most urgent of each provider first.
    pub claims: Vec<Claim>,
    /// Whether all the places of some provider were taken, so that more may be due.
    pub more: bool,
}

impl Vault {
    /// Claims the refreshes that are due, of each provider as many as there is room for, nearest
    /// expiry first. What nobody uses is put off on the way, to be kept alive.
    ///
    /// # Errors
    /// Fails when the vault does; what was claimed is then due again after 30 seconds.
    pub async fn claim_refreshes(&self, rooms: &[Room]) -> Result<Claimed, Error> {
        let names: Vec<_> = rooms.iter().map(|room| &room.provider).collect();
        let places: Vec<_> = rooms.iter().map(|room| room.places).collect();
        let rows = store::claim_refreshes(self.database.pool(), &names, &places).await?;
        let more = fills_a_room(rooms, &rows);
        let policies: HashMap<&str, FreshnessPolicy> = rooms
            .iter()
            .map(|room| (room.provider.as_str(), room.policy))
            .collect();
        let mut claims = Vec::new();
        let mut postponed = Vec::new();
        for row in rows {
            let seconds = match need_of(&row, policies.get(row.claim.provider.as_str())) {
                Need::Refresh => {
                    claims.push(row.claim.try_into()?);
                    continue;
                }
                Need::LookAgainIn(time) => Some(time.as_secs_f64()),
                Need::Nothing => None,
            };
            postponed.push(store::Postponed {
                integration_id: row.claim.integration_id,
                claim_seq: row.claim.claim_seq,
                seconds,
            });
        }
        if !postponed.is_empty() {
            store::put_off(self.database.pool(), &postponed).await?;
        }
        Ok(Claimed { claims, more })
    }

    /// Claims up to `limit` revocations that are due, the longest due first.
    ///
    /// # Errors
    /// Fails when the vault does; nothing is claimed then.
    pub async fn claim_revocations(&self, limit: i64) -> Result<Claimed, Error> {
        let rows = store::claim_revocations(self.database.pool(), limit).await?;
        let more = i64::try_from(rows.len()).is_ok_and(|count| count >= limit);
        let claims = rows.into_iter().map(TryInto::try_into);
        Ok(Claimed {
            claims: claims.collect::<Result<_, _>>()?,
            more,
        })
    }
}

/// Says what a claimed credential needs. One that failed, or whose last attempt is unresolved, is
/// tried until it works, used or not.
fn need_of(row: &store::DueRefresh, policy: Option<&FreshnessPolicy>) -> Need {
    let seconds = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    match policy {
        Some(policy) if row.is_settled => need(
            *policy,
            &Standing {
                grant_id: GrantId::from_uuid(row.claim.grant_id),
                generation: row.generation,
                unused: seconds(row.unused),
                since_success: seconds(row.since_success),
                refresh_life: row.refresh_life.map(seconds),
            },
        ),
        _ => Need::Refresh,
    }
}

fn fills_a_room(rooms: &[Room], rows: &[store::DueRefresh]) -> bool {
    rooms.iter().any(|room| {
        let of_provider = rows
            .iter()
            .filter(|row| row.claim.provider == room.provider.as_str());
        i64::try_from(of_provider.count()).is_ok_and(|count| count >= room.places)
    })
}

impl TryFrom<store::ClaimRow> for Claim {
    type Error = Error;

    fn try_from(row: store::ClaimRow) -> Result<Self, Error> {
        let state = State::parse(&row.state).ok_or(Error::Corrupt("state"))?;
        Ok(Self {
            integration_id: row
                .integration_id
                .try_into()
                .map_err(|_| Error::Corrupt("integration id"))?,
            provider: row
                .provider
                .try_into()
                .map_err(|_| Error::Corrupt("provider name"))?,
            grant_id: GrantId::from_uuid(row.grant_id),
            claim_seq: row.claim_seq,
            task: if state == State::Revoking {
                Task::Revoke
            } else {
                Task::Refresh
            },
            traceparent: row.traceparent,
        })
    }
}
