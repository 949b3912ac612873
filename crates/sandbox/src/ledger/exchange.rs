//! Authorization codes: issued once, exchanged once.

use std::collections::hash_map::Entry;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Identity, Issued, Ledger};
use crate::accounts::Account;
use crate::clients::Client;
use crate::grant::Grant;
use crate::pkce::Challenge;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::token_key::{Kind, Token};

/// How long a code waits for its exchange.
const CODE_LIFETIME: Duration = Duration::from_mins(1);

/// What an account agreed to, until the client exchanges the code for it.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingGrant {
    pub(crate) client_id: String,
    pub(crate) account: Account,
    pub(crate) scope: Scope,
    pub(crate) redirect_uri: RedirectUri,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) nonce: Option<String>,
    /// Whether the client asked for a refresh token.
    pub(crate) offline: bool,
    /// When the code was issued.
    pub(crate) issued_at: OffsetDateTime,
}

/// Which `redirect_uri` the exchange of a code must name.
#[derive(Serialize, Deserialize)]
pub(crate) enum RedirectUri {
    /// The one of the authorization request (RFC 6749 section 4.1.3).
    Exactly(String),
    /// None, or `postmessage`: the code went to a mobile app.
    Mobile,
}

impl RedirectUri {
    fn accepts(&self, presented: Option<&str>) -> bool {
        match self {
            Self::Exactly(uri) => presented == Some(uri),
            Self::Mobile => presented.is_none_or(|uri| uri == "postmessage"),
        }
    }
}

/// A token request with grant type `authorization_code`.
pub(crate) struct CodeExchange<'a> {
    pub(crate) code: &'a str,
    pub(crate) redirect_uri: Option<&'a str>,
    pub(crate) verifier: Option<&'a str>,
}

impl PendingGrant {
    fn is_expired(&self, now: OffsetDateTime) -> bool {
        now >= self.issued_at + CODE_LIFETIME
    }

    fn check(
        &self,
        client: &Client,
        request: &CodeExchange<'_>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        if self.client_id != client.client_id {
            return Err(Refusal::InvalidGrant("the code belongs to another client"));
        }
        if self.is_expired(now) {
            return Err(Refusal::InvalidGrant("the code has expired"));
        }
        if !self.redirect_uri.accepts(request.redirect_uri) {
            return Err(Refusal::InvalidGrant(
                "redirect_uri differs from that of the authorization request",
            ));
        }
        match (&self.challenge, request.verifier) {
            (Some(challenge), Some(verifier)) if challenge.matches(verifier) => Ok(()),
            (None, None) => Ok(()),
            (Some(_), _) => Err(Refusal::InvalidGrant("code_verifier does not match")),
            // RFC 9700 section 4.8.2: otherwise a stripped challenge would pass.
            (None, Some(_)) => Err(Refusal::InvalidGrant(
                "code_verifier without a code_challenge in the authorization request",
            )),
        }
    }
}

impl Ledger {
    /// Issues the authorization code for a grant.
    pub(crate) fn issue_code(&mut self, grant: PendingGrant) -> String {
        let now = grant.issued_at;
        self.pending.retain(|_, pending| !pending.is_expired(now));
        self.count(Some(&grant.client_id), |counters| {
            counters.authorizations += 1;
        });
        let id = Uuid::new_v4();
        self.pending.insert(id, grant);
        self.tokens.seal(&Token::lasting(Kind::Code, id, 0))
    }

    /// Exchanges a code for tokens.
    pub(crate) fn exchange(
        &mut self,
        client: &Client,
        request: &CodeExchange<'_>,
        now: OffsetDateTime,
    ) -> Result<Issued, Refusal> {
        let code = self
            .tokens
            .open(request.code)
            .filter(|token| token.kind == Kind::Code)
            .ok_or(Refusal::InvalidGrant("the code is unknown"))?;
        let Entry::Occupied(pending) = self.pending.entry(code.grant) else {
            return Err(self.refuse_used_code(client, code.grant));
        };
        pending.get().check(client, request, now)?;
        let pending = pending.remove();
        self.count(Some(&client.client_id), |counters| counters.exchanges += 1);
        Ok(self.open_grant(client, code.grant, pending, now))
    }

    fn open_grant(
        &mut self,
        client: &Client,
        id: Uuid,
        pending: PendingGrant,
        now: OffsetDateTime,
    ) -> Issued {
        let identity = pending.scope.has("openid").then_some(Identity {
            account: pending.account,
            nonce: pending.nonce,
        });
        let mut grant = Grant::new(
            id,
            pending.client_id,
            pending.account,
            pending.scope.clone(),
        );
        let access_token = grant.add_access_token(now, client.access_token_lifetime());
        let refresh_token =
            (pending.offline && client.issue_refresh_token).then(|| grant.add_refresh_token());
        self.grants.insert(id, grant);
        Issued {
            access_token: self.tokens.seal(&access_token),
            expires_in: client.access_token_seconds,
            refresh_token: refresh_token.map(|token| self.tokens.seal(&token)),
            scope: pending.scope,
            identity,
        }
    }

    /// RFC 6749 section 4.1.2: the second use of a code also revokes the tokens
    /// that its first use gave.
    fn refuse_used_code(&mut self, client: &Client, grant_id: Uuid) -> Refusal {
        let Some(grant) = self.grants.get_mut(&grant_id) else {
            return Refusal::InvalidGrant("the code has expired");
        };
        if grant.client_id == client.client_id && grant.revoke() {
            self.count(Some(&client.client_id), |counters| {
                counters.families_revoked += 1;
            });
        }
        Refusal::InvalidGrant("the code was already used")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(client: &Client, issued_at: OffsetDateTime) -> PendingGrant {
        PendingGrant {
            client_id: client.client_id.clone(),
            account: Account::Ann,
            scope: Scope::default(),
            redirect_uri: RedirectUri::Mobile,
            challenge: None,
            nonce: None,
            offline: true,
            issued_at,
        }
    }

    fn exchange_after(wait: Duration) -> Result<Issued, Refusal> {
        let mut ledger = Ledger::new();
        let client = Client::new("demo");
        let issued_at = OffsetDateTime::UNIX_EPOCH;
        let code = ledger.issue_code(pending(&client, issued_at));
        let request = CodeExchange {
            code: &code,
            redirect_uri: None,
            verifier: None,
        };
        ledger.exchange(&client, &request, issued_at + wait)
    }

    #[test]
    fn a_code_is_good_until_its_sixtieth_second() {
        assert!(exchange_after(Duration::from_millis(59_999)).is_ok());
    }

    #[test]
    fn a_code_expires_after_sixty_seconds() {
        let refusal = exchange_after(Duration::from_mins(1)).err();

        assert_eq!(refusal, Some(Refusal::InvalidGrant("the code has expired")));
    }

    #[test]
    fn expired_codes_are_forgotten_when_another_is_issued() {
        let mut ledger = Ledger::new();
        let client = Client::new("demo");
        let issued_at = OffsetDateTime::UNIX_EPOCH;
        ledger.issue_code(pending(&client, issued_at));

        ledger.issue_code(pending(&client, issued_at + CODE_LIFETIME));

        assert_eq!(ledger.pending.len(), 1);
    }
}
