//! Connecting: single use of states, and the commit of a new grant (refresh protocol,
//! section 2).

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};
use workapi_bus::outbox;
use workapi_keyring::Salt;
use workapi_proto::events::v1::CredentialConnected;
use workapi_types::{
    EnvironmentGuid, GrantId, IntegrationId, MediaType, ProviderConfigId, ProviderName,
    RefreshToken, Scopes, UserId,
};

use crate::sealing::{self, PairSlot};
use crate::store::{credential, lock, projection, tombstone, used_state};
use crate::{Error, TokenSet, Vault};

/// The SHA-256 of a state, or of a mobile code: what is presented only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A grant that a provider has just made.
pub struct NewGrant {
    /// What was presented for it.
    pub state_hash: StateHash,
    /// The grant's id, from [`ExchangeStart::Fresh`].
    pub grant_id: GrantId,
    /// The integration to connect.
    pub integration_id: IntegrationId,
    /// Its user.
    pub user_id: UserId,
    /// Its environment.
    pub environment_guid: EnvironmentGuid,
    /// The provider.
    pub provider: ProviderName,
    /// The media type for which it was granted.
    pub media_type: MediaType,
    /// The OAuth client to which it was granted.
    pub provider_config_id: ProviderConfigId,
    /// What a revocation reaches at most (`Manifest::revocation_group`).
    pub revocation_group: String,
    /// Issuer and subject of the account.
    pub provider_subject: String,
    /// What the API shows as `provider_id`.
    pub provider_id: String,
    /// The scopes that were asked for.
    pub asked_scopes: Scopes,
    /// Whether offline access was asked for, so that a refresh token is owed.
    pub offline: bool,
    /// After how long the provider ends the grant, whatever is done with it, where it does.
    pub absolute_life: Option<Duration>,
    /// The provider's answer.
    pub tokens: TokenSet,
}

/// Leaves out the account, which is a person's.
impl fmt::Debug for NewGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewGrant")
            .field("integration_id", &self.integration_id)
            .field("grant_id", &self.grant_id)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

/// How the commit of a new grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connected {
    /// The credential is stored.
    Stored,
    /// A later consent of the same account was stored meanwhile; it stands.
    Superseded,
    /// The integration belongs to another account; nothing was stored.
    AccountMismatch,
    /// The integration was deleted; the grant will be revoked where that is safe.
    Deleted,
    /// No refresh token came and none is stored; nothing was stored.
    NoRefreshToken,
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

    /// Stores a new grant, replacing an older one of the same integration and account.
    ///
    /// The outcome of the exchange (`success` where the grant is stored) is recorded in the
    /// same transaction.
    ///
    /// # Errors
    /// Fails when the vault does. The outcome of a commit may then be unknown: calling again
    /// with the same grant is safe.
    pub async fn connect(&self, grant: &NewGrant) -> Result<Connected, Error> {
        let mut transaction = self.database.begin().await?;
        // This one first: it may be held for as long as a provider takes to answer, and a deletion
        // of the integration must not wait that long.
        lock::account(
            &mut transaction,
            &grant.revocation_group,
            &grant.provider_subject,
        )
        .await?;
        lock::integration(&mut transaction, &grant.integration_id).await?;
        if tombstone::exists(&mut transaction, &grant.integration_id).await? {
            self.keep_for_revocation(&mut transaction, grant).await?;
            transaction.commit().await?;
            return Ok(Connected::Deleted);
        }
        let stored = credential::lock_pair(&mut transaction, &grant.integration_id).await?;
        if let Some(refusal) = stored.as_ref().and_then(|stored| refuse(stored, grant)) {
            return Ok(refusal);
        }
        let refresh_token = match (&grant.tokens.refresh_token, &stored) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(stored)) => self.live_refresh_token(stored, grant)?,
            (None, None) => None,
        };
        if refresh_token.is_none() && grant.offline {
            return Ok(Connected::NoRefreshToken);
        }
        let row = self.seal_grant(grant, refresh_token.as_ref())?;
        credential::upsert_grant(&mut transaction, grant, &row).await?;
        projection::upsert(&mut transaction, grant).await?;
        used_state::finish(&mut transaction, grant.state_hash, "success").await?;
        outbox::append(&mut transaction, &connected_event(grant)).await?;
        transaction.commit().await?;
        Ok(Connected::Stored)
    }

    /// Opens the stored refresh token, when it may serve the new grant too: the same client's,
    /// of a credential that is not broken.
    fn live_refresh_token(
        &self,
        stored: &credential::PairRow,
        grant: &NewGrant,
    ) -> Result<Option<RefreshToken>, Error> {
        let usable = stored.is_live() && stored.provider_config_id == grant.provider_config_id;
        match (&stored.sealed_refresh, &stored.salt) {
            (Some(sealed), Some(salt)) if usable => {
                let slot = PairSlot {
                    integration_id: &grant.integration_id,
                    grant_id: stored.grant_id,
                    generation: stored.generation,
                };
                sealing::open_refresh(&self.keyring, salt, slot, sealed).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Puts the tokens of a deleted integration where the revocation finds them: this program
    /// sends no refresh token to a provider.
    async fn keep_for_revocation(
        &self,
        transaction: &mut sqlx::PgConnection,
        grant: &NewGrant,
    ) -> Result<(), Error> {
        let row = self.seal_grant(grant, grant.tokens.refresh_token.as_ref())?;
        credential::upsert_grant(transaction, grant, &row).await?;
        credential::begin_revoking(transaction, &grant.integration_id, None).await?;
        used_state::finish(transaction, grant.state_hash, "integration_deleted").await?;
        Ok(())
    }

    fn seal_grant(
        &self,
        grant: &NewGrant,
        refresh_token: Option<&RefreshToken>,
    ) -> Result<credential::GrantRow, Error> {
        let salt = Salt::random()?;
        let slot = PairSlot {
            integration_id: &grant.integration_id,
            grant_id: grant.grant_id,
            generation: 1,
        };
        let access = &grant.tokens.access_token;
        let pair = sealing::seal_pair(&self.keyring, &salt, slot, access, refresh_token)?;
        Ok(credential::GrantRow {
            pair,
            salt,
            deadlines: grant.tokens.deadlines(grant.grant_id, 1),
        })
    }
}

/// Says why `grant` may not replace what is stored, if so.
fn refuse(stored: &credential::PairRow, grant: &NewGrant) -> Option<Connected> {
    if stored.provider_subject != grant.provider_subject {
        Some(Connected::AccountMismatch)
    } else if stored.grant_id > grant.grant_id {
        Some(Connected::Superseded)
    } else if stored.grant_id == grant.grant_id {
        // An earlier call of ours was committed and its answer got lost.
        Some(Connected::Stored)
    } else {
        None
    }
}

fn connected_event(grant: &NewGrant) -> CredentialConnected {
    let granted = grant.tokens.scopes.as_ref().unwrap_or(&grant.asked_scopes);
    CredentialConnected {
        integration_id: grant.integration_id.to_string(),
        environment_guid: grant.environment_guid.to_string(),
        provider: grant.provider.to_string(),
        grant_id: grant.grant_id.to_string(),
        granted_scopes: granted.to_string(),
    }
}
