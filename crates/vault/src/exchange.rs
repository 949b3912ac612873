//! Exchanges of codes: each state is presented once, and what became of an exchange is known
//! (refresh protocol, section 2).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::types::time::OffsetDateTime;
use workapi_types::{GrantId, IntegrationId, UserId};

use crate::store::used_state;
use crate::{Error, Vault};

/// The SHA-256 of a state, or of a mobile code: what is presented only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateHash([u8; 32]);

impl StateHash {
    /// Hashes what the browser or the app presented.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented).into())
    }

    /// Returns the hash's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// An exchange that is about to begin.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// What was presented.
    pub state_hash: StateHash,
    /// The integration to connect.
    pub integration_id: &'a IntegrationId,
    /// Its user.
    pub user_id: &'a UserId,
    /// What a revocation reaches at most (`Manifest::revocation_group`).
    pub revocation_group: &'a str,
}

/// Whether an exchange may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeStart {
    /// It may, for a grant of this id.
    Fresh(GrantId),
    /// The state was presented before. Its outcome is shown again for 60 seconds.
    Replayed(Option<String>),
}

/// An exchange that began a while ago and of which nobody has said how it ended.
#[derive(Clone, Debug)]
pub struct OpenExchange {
    /// What was presented.
    pub state_hash: StateHash,
    /// The integration to connect.
    pub integration_id: IntegrationId,
    /// The grant that it would have brought.
    pub grant_id: GrantId,
    started_at: OffsetDateTime,
}

impl Vault {
    /// Marks a state as presented, before its code is sent anywhere.
    ///
    /// # Errors
    /// Fails when the vault does; the exchange must not begin then.
    pub async fn start_exchange(&self, exchange: &Exchange<'_>) -> Result<ExchangeStart, Error> {
        let mut connection = self.database.pool().acquire().await?;
        if let Some(grant_id) = used_state::insert(&mut connection, exchange).await? {
            return Ok(ExchangeStart::Fresh(grant_id));
        }
        let outcome = used_state::recent_outcome(&mut connection, exchange.state_hash).await?;
        Ok(ExchangeStart::Replayed(outcome))
    }

    /// Returns the outcome of an exchange whose state was presented within the last 60
    /// seconds, to be shown to a browser that comes again.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn recent_outcome(&self, state: StateHash) -> Result<Option<String>, Error> {
        let mut connection = self.database.pool().acquire().await?;
        Ok(used_state::recent_outcome(&mut connection, state).await?)
    }

    /// Records how an exchange ended that stored nothing.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn finish_exchange(&self, state: StateHash, outcome: &str) -> Result<(), Error> {
        let mut connection = self.database.pool().acquire().await?;
        Ok(used_state::finish(&mut connection, state, outcome).await?)
    }

    /// Returns up to `limit` exchanges that are open for longer than their process may take, and began
    /// at most `within` ago; the oldest first, after `after`.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn open_exchanges(
        &self,
        within: Duration,
        after: Option<&OpenExchange>,
        limit: i64,
    ) -> Result<Vec<OpenExchange>, Error> {
        let place = |open: &OpenExchange| (open.started_at, open.state_hash);
        let place = after.map(place);
        let after = place.as_ref().map(|(at, hash)| (*at, &hash.as_bytes()[..]));
        let rows = used_state::open(self.database.pool(), within, after, limit).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TryFrom<used_state::OpenRow> for OpenExchange {
    type Error = Error;

    fn try_from(row: used_state::OpenRow) -> Result<Self, Error> {
        let hash = row.state_hash.try_into();
        Ok(Self {
            state_hash: StateHash(hash.map_err(|_| Error::Corrupt("hash of a state"))?),
            integration_id: row
                .integration_id
                .try_into()
                .map_err(|_| Error::Corrupt("integration id"))?,
            grant_id: GrantId::from_uuid(row.grant_id),
            started_at: row.started_at,
        })
    }
}
