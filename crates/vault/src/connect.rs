//! Connecting: single use of states, and the commit of a new grant (refresh protocol,
//! section 2).

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::types::time::OffsetDateTime;
use workapi_bus::outbox;
use workapi_keyring::Salt;
use workapi_proto::events::v1::CredentialConnected;
use workapi_types::{GrantId, IntegrationId, MediaType, UserId};

use crate::answer::{Origin, SealedAnswer};
use crate::sealing::{self, PairSlot, SealedPair};
use crate::store::credential::PairRow;
use crate::store::{credential, lock, projection, rotation_attempt, tombstone, used_state};
use crate::tokens::Deadlines;
use crate::{Error, Grant, TokenSet, Vault};

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

/// A grant that a provider has just made.
pub struct NewGrant {
    /// What was presented for it.
    pub state_hash: StateHash,
    /// The grant's id, from [`ExchangeStart::Fresh`].
    pub grant_id: GrantId,
    /// The integration to connect.
    pub integration_id: IntegrationId,
    /// To whom it was granted, by whom, and for what.
    pub grant: Grant,
    /// The media type for which it was granted.
    pub media_type: MediaType,
    /// What the API shows as `provider_id`.
    pub provider_id: String,
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

    /// Returns up to `limit` exchanges that are open for longer than their process may take, the
    /// oldest first, after `after`.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn open_exchanges(
        &self,
        after: Option<&OpenExchange>,
        limit: i64,
    ) -> Result<Vec<OpenExchange>, Error> {
        let place = |open: &OpenExchange| (open.started_at, open.state_hash);
        let place = after.map(place);
        let after = place.as_ref().map(|(at, hash)| (*at, &hash.as_bytes()[..]));
        let rows = used_state::open(self.database.pool(), after, limit).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Counts the live grants of the same account to the same OAuth client, whatever integrations
    /// they are of.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn grants_of_account(&self, grant: &Grant) -> Result<i64, Error> {
        Ok(credential::count_of_account(self.database.pool(), grant).await?)
    }

    /// Seals a new grant, once: every sink stores this ciphertext.
    ///
    /// # Errors
    /// Fails when a key is missing.
    pub fn seal_grant(&self, new: &NewGrant) -> Result<SealedAnswer, Error> {
        let salt = Salt::random()?;
        let slot = PairSlot {
            integration_id: &new.integration_id,
            grant_id: new.grant_id,
            generation: 1,
        };
        let tokens = &new.tokens;
        let refresh_token = tokens.refresh_token.as_ref();
        let pair = sealing::seal_pair(
            &self.keyring,
            &salt,
            slot,
            &tokens.access_token,
            refresh_token,
        )?;
        let scopes = tokens.scopes.as_ref().unwrap_or(&new.grant.asked_scopes);
        Ok(SealedAnswer {
            integration_id: new.integration_id.clone(),
            grant_id: new.grant_id,
            generation: 1,
            origin: Origin::Exchange {
                state_hash: new.state_hash,
                media_type: new.media_type,
                provider_id: new.provider_id.clone(),
                offline: new.offline,
            },
            grant: new.grant.clone(),
            pair,
            salt,
            has_new_refresh_token: refresh_token.is_some(),
            scopes: scopes.to_string(),
            scopes_changed: false,
            deadlines: Deadlines {
                absolute_expires_in: new.absolute_life.map(|life| life.as_secs_f64()),
                ..tokens.deadlines(new.grant_id, 1)
            },
            sealed_at: Instant::now(),
        })
    }

    /// Stores a grant as a whole, replacing an older one of the same integration and account.
    ///
    /// The outcome of the exchange (`success` where the grant is stored) is recorded in the
    /// same transaction.
    ///
    /// # Errors
    /// Fails when the vault does. The outcome of a commit may then be unknown: calling again
    /// with the same grant is safe. [`Error::InRotation`] passes as soon as the outcome of a rotation
    /// is known.
    pub async fn connect(&self, answer: &SealedAnswer) -> Result<Connected, Error> {
        let mut transaction = self.database.begin().await?;
        let grant = &answer.grant;
        // This one first: it may be held for as long as a provider takes to answer, and a deletion
        // of the integration must not wait that long.
        lock::account(
            &mut transaction,
            &grant.revocation_group,
            &grant.provider_subject,
        )
        .await?;
        lock::integration(&mut transaction, &answer.integration_id).await?;
        if tombstone::exists(&mut transaction, &answer.integration_id).await? {
            keep_for_revocation(&mut transaction, answer).await?;
            transaction.commit().await?;
            return Ok(Connected::Deleted);
        }
        let stored = credential::lock_pair(&mut transaction, &answer.integration_id).await?;
        if let Some(refusal) = stored.as_ref().and_then(|stored| refuse(stored, answer)) {
            return Ok(refusal);
        }
        let pair = match stored.as_ref().and_then(|stored| goes_on(stored, answer)) {
            Some((stored, sealed, salt)) => {
                if rotation_attempt::may_be_spent(&mut transaction, &answer.integration_id).await? {
                    return Err(Error::InRotation);
                }
                self.complete_pair(answer, stored, sealed, salt)?
            }
            None => answer.pair.clone(),
        };
        if pair.refresh.is_none() && answer.owes_refresh_token() {
            return Ok(Connected::NoRefreshToken);
        }
        credential::upsert_grant(&mut transaction, answer, &pair).await?;
        announce(&mut transaction, answer).await?;
        transaction.commit().await?;
        Ok(Connected::Stored)
    }

    /// Adds the stored refresh token to a pair that lacks one.
    fn complete_pair(
        &self,
        answer: &SealedAnswer,
        stored: &PairRow,
        sealed: &[u8],
        salt: &Salt,
    ) -> Result<SealedPair, Error> {
        let slot = PairSlot {
            integration_id: &answer.integration_id,
            grant_id: stored.grant_id,
            generation: stored.generation,
        };
        let token = sealing::open_refresh(&self.keyring, salt, slot, sealed)?;
        let pair = answer.pair.clone();
        sealing::add_refresh(&self.keyring, &answer.salt, answer.slot(), pair, &token)
    }
}

/// Returns the stored refresh token where none came and that one may serve the new grant too: it is
/// the same client's, of a credential that is not broken.
fn goes_on<'a>(
    stored: &'a PairRow,
    answer: &SealedAnswer,
) -> Option<(&'a PairRow, &'a [u8], &'a Salt)> {
    let may_serve = answer.pair.refresh.is_none()
        && stored.is_live()
        && stored.provider_config_id == answer.grant.provider_config_id;
    let sealed = stored.sealed_refresh.as_deref().filter(|_| may_serve)?;
    Some((stored, sealed, stored.salt.as_ref()?))
}

/// Puts the tokens of a deleted integration where the revocation finds them: who connects sends
/// no refresh token to a provider.
async fn keep_for_revocation(
    transaction: &mut sqlx::PgConnection,
    answer: &SealedAnswer,
) -> Result<(), Error> {
    credential::upsert_grant(transaction, answer, &answer.pair).await?;
    credential::begin_revoking(transaction, &answer.integration_id, None).await?;
    if let Origin::Exchange { state_hash, .. } = &answer.origin {
        used_state::finish(transaction, *state_hash, "integration_deleted").await?;
    }
    Ok(())
}

/// Says what was stored, to whoever has to know.
async fn announce(
    transaction: &mut sqlx::PgConnection,
    answer: &SealedAnswer,
) -> Result<(), Error> {
    if let Origin::Exchange {
        state_hash,
        media_type,
        provider_id,
        ..
    } = &answer.origin
    {
        projection::upsert(transaction, answer, *media_type, provider_id).await?;
        used_state::finish(transaction, *state_hash, "success").await?;
        outbox::append(transaction, &connected_event(answer)).await?;
    } else {
        outbox::append(transaction, &answer.refreshed_event()).await?;
    }
    Ok(())
}

/// Says why `answer` may not replace what is stored, if so.
fn refuse(stored: &PairRow, answer: &SealedAnswer) -> Option<Connected> {
    if stored.provider_subject != answer.grant.provider_subject {
        Some(Connected::AccountMismatch)
    } else if stored.grant_id > answer.grant_id {
        Some(Connected::Superseded)
    } else if stored.grant_id == answer.grant_id {
        // An earlier call of ours was committed and its answer got lost.
        Some(Connected::Stored)
    } else {
        None
    }
}

fn connected_event(answer: &SealedAnswer) -> CredentialConnected {
    CredentialConnected {
        integration_id: answer.integration_id.to_string(),
        environment_guid: answer.grant.environment_guid.to_string(),
        provider: answer.grant.provider.to_string(),
        grant_id: answer.grant_id.to_string(),
        granted_scopes: answer.scopes.clone(),
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
