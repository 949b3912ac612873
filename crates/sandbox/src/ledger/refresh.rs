//! Refreshing under the rotation class of the client.

use time::OffsetDateTime;

use super::{Issued, Ledger};
use crate::clients::{Client, RotationClass};
use crate::grant::Redemption;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::token_key::Kind;

const UNKNOWN: Refusal = Refusal::InvalidGrant("the refresh token is unknown, expired or revoked");

/// A token request with grant type `refresh_token`.
pub(crate) struct RefreshRequest<'a> {
    pub(crate) refresh_token: &'a str,
    /// The scope that the client wants to narrow the new access token to.
    pub(crate) scope: Option<Scope>,
}

impl Ledger {
    /// Answers a refresh token with new tokens.
    pub(crate) fn refresh(
        &mut self,
        client: &Client,
        request: RefreshRequest<'_>,
        now: OffsetDateTime,
    ) -> Result<Issued, Refusal> {
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

        let respent = grant.is_spent(token.serial);
        let redemption = grant.redeem(token.serial, client.rotation_class, client.grace(), now);
        let accepted = matches!(redemption, Redemption::Kept | Redemption::Rotated);
        let tokens = accepted.then(|| {
            let access = grant.add_access_token(now, client.access_token_lifetime());
            let rotated = redemption == Redemption::Rotated;
            (access, rotated.then(|| grant.add_refresh_token()))
        });
        self.count_redemption(client, redemption, respent);
        let (access_token, refresh_token) = tokens.ok_or(UNKNOWN)?;
        Ok(Issued {
            access_token: self.tokens.seal(&access_token),
            expires_in: client.access_token_seconds,
            refresh_token: refresh_token.map(|token| self.tokens.seal(&token)),
            scope,
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
