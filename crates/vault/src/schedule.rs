//! Claiming what is due (refresh protocol, section 3). Every replica may; nobody leads.

use workapi_types::{GrantId, IntegrationId, ProviderName};

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

impl Vault {
    /// Claims up to `limit` credentials that are due, the longest due first.
    ///
    /// # Errors
    /// Fails when the vault does; nothing is claimed then.
    pub async fn claim_due(&self, limit: i64) -> Result<Vec<Claim>, Error> {
        let rows = store::claim_due(self.database.pool(), limit).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
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
