//! Connecting: the commit of a new grant (refresh protocol, section 2).

use std::fmt;
use std::time::{Duration, Instant};

use workapi_bus::outbox;
use workapi_keyring::Salt;
use workapi_proto::events::v1::CredentialConnected;
use workapi_types::{GrantId, IntegrationId, MediaType};

use crate::answer::{Origin, SealedAnswer};
use crate::sealing::{self, PairSlot, SealedPair};
use crate::store::credential::PairRow;
use crate::store::{credential, lock, projection, rotation_attempt, tombstone, used_state};
use crate::tokens::Deadlines;
use crate::{Error, Grant, StateHash, TokenSet, Vault};

/// A grant that a provider has just made.
pub struct NewGrant {
    /// What was presented for it.
    pub state_hash: StateHash,
    /// The grant's id, from [`crate::ExchangeStart::Fresh`].
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
    /// Whether its refresh tokens work once (classes C and D): then the stored one can't go on while a
    /// rotation may be spending it.
    pub single_use: bool,
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
    /// No refresh token came and none is stored that may go on; nothing was stored.
    NoRefreshToken,
}

impl Vault {
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
                single_use: new.single_use,
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
    /// with the same grant is safe.
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
                let id = &answer.integration_id;
                if answer.is_single_use()
                    && rotation_attempt::may_be_spent(&mut transaction, id).await?
                {
                    // The stored grant stands; copying its token could cost both.
                    return Ok(Connected::NoRefreshToken);
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
