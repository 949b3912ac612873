//! Revocation with the reach of the client (RFC 7009).

use time::OffsetDateTime;
use uuid::Uuid;

use super::Ledger;
use crate::clients::{RevocationReach, project};
use crate::refusal::Refusal;
use crate::token_key::{Kind, Token};

/// A revocation request.
pub(crate) struct RevocationRequest<'a> {
    pub(crate) token: &'a str,
    /// The client that sends it, if it authenticated.
    pub(crate) client_id: Option<&'a str>,
}

impl Ledger {
    /// Revokes what the client's revocation reaches from this token, and
    /// returns the id of the client it was issued to. An unknown or expired
    /// token is `None` and no error: the client has what it wants.
    pub(crate) fn revoke(
        &mut self,
        request: &RevocationRequest<'_>,
        now: OffsetDateTime,
    ) -> Result<Option<String>, Refusal> {
        let Some(token) = self.revocable(request.token, now) else {
            return Ok(None);
        };
        let Some(grant) = self.grants.get(&token.grant) else {
            return Ok(None);
        };
        let client_id = grant.client_id.clone();
        if request.client_id.is_some_and(|id| id != client_id) {
            return Err(Refusal::InvalidGrant("the token belongs to another client"));
        }
        let reach = self
            .client(&client_id)
            .map_or(RevocationReach::Grant, |client| client.revocation_reach);
        self.revoke_within(reach, token.grant, token.serial);
        self.count(Some(&client_id), |counters| counters.revocations += 1);
        Ok(Some(client_id))
    }

    fn revocable(&self, token: &str, now: OffsetDateTime) -> Option<Token> {
        let token = self.tokens.open(token)?;
        (token.kind != Kind::Code && !token.is_expired(now)).then_some(token)
    }

    fn revoke_within(&mut self, reach: RevocationReach, grant_id: Uuid, serial: u64) {
        let Some(grant) = self.grants.get_mut(&grant_id) else {
            return;
        };
        match reach {
            RevocationReach::Token => grant.revoke_token(serial),
            RevocationReach::Grant => {
                grant.revoke();
            }
            RevocationReach::Project => {
                let account = grant.account;
                let revoked_project = project(&grant.client_id).to_owned();
                for grant in self.grants.values_mut() {
                    if grant.account == account && project(&grant.client_id) == revoked_project {
                        grant.revoke();
                    }
                }
            }
        }
    }
}
