//! Access tokens on demand (refresh protocol, section 10): one read in the good case, and a wait
//! for whoever refreshes in the others. Callers only ever wait: no exchange is theirs, and none
//! ends with them.

mod check;
mod claim;
mod error;
mod standing;
mod uses;
mod wait;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use workapi_bus::Bus;
use workapi_keyring::{KeyRing, Purpose, Salt};
use workapi_postgres::Database;
use workapi_types::{AccessToken, GrantId, IntegrationId};

use crate::Error;
use crate::sealing::{self, PairSlot};
use crate::store::on_demand as store;

pub use check::Check;
pub use claim::{ClaimNow, OnDemandClaim, RefreshResult};
pub use error::OnDemandError;
pub use wait::Refreshment;

use standing::Standing;
use uses::Uses;

/// An access token that can be used now.
#[derive(Clone, Debug)]
pub struct AccessTokenGrant {
    /// The token.
    pub token: AccessToken,
    /// When it runs out, on our monotonic clock; never later than the provider said.
    pub expires_at: Instant,
    /// The grant that it belongs to.
    pub grant_id: GrantId,
    /// Its generation.
    pub generation: i64,
}

/// What became of a report that the provider refused an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is noted, and the credential is refreshed: ask for the token again.
    Noted,
    /// There is a newer token already: ask for it.
    Superseded,
    /// The token before was refused, too. Refreshing does not help; the refusal is the answer.
    Repeated,
}

/// Looks at credentials, and waits until they are fresh. It holds no keys and opens nothing.
#[derive(Clone, Debug)]
pub struct OnDemand {
    database: Database,
    bus: Bus,
}

impl OnDemand {
    /// Looks into the vault's `database`, and asks for refreshes over `bus`.
    pub fn new(database: Database, bus: Bus) -> Self {
        Self { database, bus }
    }

    async fn look(&self, integration_id: &IntegrationId) -> Result<Option<Standing>, Error> {
        let read_at = Instant::now();
        let row = store::read(self.database.pool(), integration_id).await?;
        row.map(|row| Standing::of(row, read_at)).transpose()
    }
}

/// The vault of a program that uses access tokens and nothing else: it needs keys of
/// [`Purpose::Access`] alone, and the role [`CONNECTORS_ROLE`](crate::CONNECTORS_ROLE).
#[derive(Clone, Debug)]
pub struct AccessVault {
    on_demand: OnDemand,
    keyring: Arc<KeyRing>,
    uses: Arc<Uses>,
}

impl AccessVault {
    /// Opens the vault with a ring that holds keys for access tokens.
    ///
    /// # Errors
    /// Fails when there is no such key.
    pub fn open(on_demand: OnDemand, keyring: Arc<KeyRing>) -> Result<Self, Error> {
        keyring.require(&[Purpose::Access])?;
        Ok(Self {
            on_demand,
            keyring,
            uses: Arc::new(Uses::default()),
        })
    }

    /// Returns the access token of an integration, once it is good for `min_remaining`, or for
    /// a minute or a tenth of its life, whichever is longer.
    ///
    /// `min_remaining` is a wish. At most half of the token's life can be wished for, and when no
    /// refresh succeeds within `deadline`, any token is served that has not run out: also that of
    /// a credential that only its user or an operator can bring back.
    ///
    /// Dropping the returned future ends the waiting, and never a refresh.
    ///
    /// # Errors
    /// Says what has to happen before there is a token: [`OnDemandError::action`].
    pub async fn access_token(
        &self,
        integration_id: &IntegrationId,
        min_remaining: Duration,
        deadline: Duration,
    ) -> Result<AccessTokenGrant, OnDemandError> {
        let wait = self
            .on_demand
            .fresh(integration_id, min_remaining, deadline);
        let waited = wait.await?;
        let standing = waited.usable()?;
        let grant = self.open_access(integration_id, standing)?;
        if standing.is_use_due {
            self.uses.note(integration_id);
        }
        Ok(grant)
    }

    /// Says that the provider refused the access token of a generation (401) although it had not
    /// run out. It is not served again, and refreshed at once; a second refusal in a row causes
    /// no second refresh.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn access_token_refused(
        &self,
        integration_id: &IntegrationId,
        grant_id: GrantId,
        generation: i64,
    ) -> Result<Refusal, Error> {
        let pool = self.on_demand.database.pool();
        if store::note_refusal(pool, integration_id, grant_id, generation).await? {
            return Ok(Refusal::Noted);
        }
        let standing = self.on_demand.look(integration_id).await?;
        Ok(match standing {
            Some(standing) if standing.key() != (grant_id, generation) => Refusal::Superseded,
            Some(standing) if !standing.is_refused => Refusal::Repeated,
            // Refused by others already; or deleted, which asking for the token will tell.
            Some(_) | None => Refusal::Noted,
        })
    }

    /// Writes down every ten seconds what was used, until `shutdown`, and then once more.
    ///
    /// What can't be written is dropped: the next use will be noted.
    pub async fn record_uses(&self, shutdown: CancellationToken) {
        self.uses.record(&self.on_demand.database, shutdown).await;
    }

    /// Writes down what was used since the last time, and returns how many credentials that were.
    ///
    /// # Errors
    /// Fails when the vault does; the uses are forgotten then.
    pub async fn flush_uses(&self) -> Result<u64, Error> {
        self.uses.flush(&self.on_demand.database).await
    }

    fn open_access(
        &self,
        integration_id: &IntegrationId,
        standing: &Standing,
    ) -> Result<AccessTokenGrant, Error> {
        let absent = || Error::Corrupt("access token");
        let salt = standing.salt.as_deref().ok_or_else(absent)?;
        let sealed = standing.sealed_access.as_deref().ok_or_else(absent)?;
        let slot = PairSlot {
            integration_id,
            grant_id: standing.grant_id,
            generation: standing.generation,
        };
        let token = sealing::open_access(&self.keyring, &Salt::from_slice(salt)?, slot, sealed)?;
        Ok(AccessTokenGrant {
            token,
            expires_at: Instant::now() + standing.remaining(),
            grant_id: standing.grant_id,
            generation: standing.generation,
        })
    }
}
