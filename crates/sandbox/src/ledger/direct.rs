//! Grants and tokens without a request: for who runs the sandbox in its own process.

use time::OffsetDateTime;
use uuid::Uuid;

use super::Ledger;
use crate::accounts::Account;
use crate::control::{NewGrant, Standing};
use crate::grant::Grant;
use crate::scope::Scope;
use crate::token_key::Kind;

impl Ledger {
    /// Makes a grant of the first account; `None` when there is no such client.
    pub(crate) fn grant_directly(
        &mut self,
        client_id: &str,
        now: OffsetDateTime,
    ) -> Option<NewGrant> {
        let life = self.client(client_id)?.access_token_lifetime();
        let id = Uuid::new_v4();
        let [account, ..] = Account::ALL;
        let mut grant = Grant::new(id, client_id.to_owned(), account, Scope::default());
        let access_token = grant.add_access_token(now, life);
        let refresh_token = grant.add_refresh_token();
        self.grants.insert(id, grant);
        Some(NewGrant {
            id,
            access_token: self.tokens.seal(&access_token),
            refresh_token: self.tokens.seal(&refresh_token),
            serial: refresh_token.serial,
            expires_in: life,
        })
    }

    /// Tells what a refresh token is worth.
    pub(crate) fn examine(&self, refresh_token: &str, now: OffsetDateTime) -> Option<Standing> {
        let token = self.tokens.open(refresh_token)?;
        let grant = self
            .grants
            .get(&token.grant)
            .filter(|_| token.kind == Kind::Refresh)?;
        let client = self.client(&grant.client_id)?;
        Some(Standing {
            grant: grant.id,
            serial: token.serial,
            is_honoured: grant.honours(token.serial, client.rotation_class, client.grace(), now),
        })
    }
}
