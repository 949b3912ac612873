//! Refreshing under the rotation class of the client.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Issued, Ledger};
use crate::clients::{Client, RotationClass};
use crate::grant::Redemption;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::token_key::{Kind, Token};

const UNKNOWN: Refusal = Refusal::InvalidGrant("the refresh token is unknown, expired or revoked");

/// A token request with grant type `refresh_token`.
pub(crate) struct RefreshRequest<'a> {
    pub(crate) refresh_token: &'a str,
    /// The scope that the client wants to narrow the new access token to.
    pub(crate) scope: Option<Scope>,
}

/// A refresh token that was presented, and what became of it.
pub(crate) struct Redeemed {
    pub(crate) grant: Uuid,
    pub(crate) serial: u64,
    pub(crate) redemption: Redemption,
    /// Whether a rotation had spent the token before.
    pub(crate) was_spent: bool,
    /// The new access token and, after a rotation, refresh token.
    tokens: Option<(Token, Option<Token>)>,
    scope: Scope,
    expires_in: u32,
}

impl Redeemed {
    /// Tells whether the token was accepted.
    pub(crate) fn is_accepted(&self) -> bool {
        self.tokens.is_some()
    }

    /// Returns the serial number of the new refresh token.
    pub(crate) fn issued(&self) -> Option<u64> {
        let (_, refresh_token) = self.tokens.as_ref()?;
        refresh_token.as_ref().map(|token| token.serial)
    }
}

impl Ledger {
    /// Takes a refresh token under the rules of its client.
    pub(crate) fn redeem(
        &mut self,
        client: &Client,
        request: RefreshRequest<'_>,
        now: OffsetDateTime,
    ) -> Result<Redeemed, Refusal> {
        let token = self
            .tokens
            .open(request.refresh_token)
            .filter(|token| token.kind == Kind::Refresh)
            .ok_or(UNKNOWN)?;
        let grant = self
            .grants
            .get_mut(&token.grant)
            .filter(|grant| grant.client_id == client.client_id)
            .ok_or(UNKNOWN)?;
        let scope = request.scope.unwrap_or_else(|| grant.scope.clone());
        if !scope.is_within(&grant.scope) {
            return Err(Refusal::InvalidScope("the scope is outside the grant"));
        }

        let was_spent = grant.is_spent(token.serial);
        let redemption = grant.redeem(token.serial, client.rotation_class, client.grace(), now);
        let accepted = matches!(redemption, Redemption::Kept | Redemption::Rotated);
        let tokens = accepted.then(|| {
            let access = grant.add_access_token(now, client.access_token_lifetime());
            let rotated = redemption == Redemption::Rotated;
            (access, rotated.then(|| grant.add_refresh_token()))
        });
        self.count_redemption(client, redemption, was_spent);
        Ok(Redeemed {
            grant: token.grant,
            serial: token.serial,
            redemption,
            was_spent,
            tokens,
            scope,
            expires_in: client.access_token_seconds,
        })
    }

    /// Writes the new tokens down.
    pub(crate) fn issued(&self, redeemed: Redeemed) -> Result<Issued, Refusal> {
        let (access_token, refresh_token) = redeemed.tokens.ok_or(UNKNOWN)?;
        Ok(Issued {
            access_token: self.tokens.seal(&access_token),
            expires_in: redeemed.expires_in,
            refresh_token: refresh_token.map(|token| self.tokens.seal(&token)),
            scope: redeemed.scope,
            // OpenID Connect Core section 12.2 leaves it to the provider.
            identity: None,
        })
    }

    fn count_redemption(&mut self, client: &Client, redemption: Redemption, respent: bool) {
        let accepted = matches!(redemption, Redemption::Kept | Redemption::Rotated);
        let reused = respent && client.rotation_class == RotationClass::D;
        self.count(Some(&client.client_id), |counters| {
            counters.refreshes += u64::from(accepted);
            counters.double_spends += u64::from(respent);
            counters.reuse_detected += u64::from(reused);
            counters.families_revoked += u64::from(redemption == Redemption::FamilyRevoked);
        });
    }
}
