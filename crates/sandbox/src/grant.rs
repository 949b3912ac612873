//! A grant: what an account allowed a client, and the refresh tokens of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::Account;
use crate::clients::RotationClass;
use crate::scope::Scope;
use crate::token_key::{Kind, Token};

/// A grant with its token family.
#[derive(Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: Uuid,
    pub(crate) client_id: String,
    pub(crate) account: Account,
    pub(crate) scope: Scope,
    /// A dead grant is kept, so that its tokens are still recognised.
    revoked: bool,
    last_serial: u64,
    /// Refresh tokens that no rotation has spent: one, unless spent ones were
    /// accepted again.
    unspent: BTreeSet<u64>,
    /// When refresh tokens were first spent, as far back as a grace reaches.
    spent_at: BTreeMap<u64, OffsetDateTime>,
    /// Tokens that were revoked alone.
    revoked_tokens: BTreeSet<u64>,
}

/// What became of a refresh token that was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redemption {
    /// Accepted, and stays as it is.
    Kept,
    /// Accepted and spent: the client gets another.
    Rotated,
    /// Refused.
    Refused,
    /// Refused, and the whole grant died of it.
    FamilyRevoked,
}

impl Grant {
    /// Makes a grant that has no token yet.
    pub(crate) fn new(id: Uuid, client_id: String, account: Account, scope: Scope) -> Self {
        Self {
            id,
            client_id,
            account,
            scope,
            revoked: false,
            last_serial: 0,
            unspent: BTreeSet::new(),
            spent_at: BTreeMap::new(),
            revoked_tokens: BTreeSet::new(),
        }
    }

    /// Adds an access token.
    pub(crate) fn add_access_token(&mut self, now: OffsetDateTime, lifetime: Duration) -> Token {
        self.last_serial += 1;
        Token::access(self.id, self.last_serial, now, lifetime)
    }

    /// Adds a refresh token.
    pub(crate) fn add_refresh_token(&mut self) -> Token {
        self.last_serial += 1;
        self.unspent.insert(self.last_serial);
        Token::lasting(Kind::Refresh, self.id, self.last_serial)
    }

    /// Tells whether a rotation has spent this refresh token.
    pub(crate) fn is_spent(&self, serial: u64) -> bool {
        !self.unspent.contains(&serial)
    }

    /// Tells whether a token was not revoked, alone or with the grant.
    pub(crate) fn is_live(&self, serial: u64) -> bool {
        !self.revoked && !self.revoked_tokens.contains(&serial)
    }

    /// Takes a refresh token as a client of this class may present it.
    pub(crate) fn redeem(
        &mut self,
        serial: u64,
        class: RotationClass,
        grace: Duration,
        now: OffsetDateTime,
    ) -> Redemption {
        if !self.is_live(serial) {
            return Redemption::Refused;
        }
        let spent = self.is_spent(serial);
        self.spent_at.retain(|_, at| now < *at + grace);
        match class {
            RotationClass::A => return Redemption::Kept,
            RotationClass::C if spent && !self.spent_at.contains_key(&serial) => {
                return Redemption::Refused;
            }
            RotationClass::D if spent => {
                self.revoke();
                return Redemption::FamilyRevoked;
            }
            RotationClass::B | RotationClass::C | RotationClass::D => {}
        }
        self.unspent.remove(&serial);
        // The grace runs from the first use; later ones do not extend it.
        self.spent_at.entry(serial).or_insert(now);
        Redemption::Rotated
    }

    /// Tells whether a refresh token would be accepted.
    pub(crate) fn honours(
        &self,
        serial: u64,
        class: RotationClass,
        grace: Duration,
        now: OffsetDateTime,
    ) -> bool {
        let spent = self.is_spent(serial);
        let within_grace = || {
            self.spent_at
                .get(&serial)
                .is_some_and(|at| now < *at + grace)
        };
        self.is_live(serial)
            && match class {
                RotationClass::A | RotationClass::B => true,
                RotationClass::C => !spent || within_grace(),
                RotationClass::D => !spent,
            }
    }

    /// Kills the grant; returns whether it lived.
    pub(crate) fn revoke(&mut self) -> bool {
        !std::mem::replace(&mut self.revoked, true)
    }

    /// Kills one token.
    pub(crate) fn revoke_token(&mut self, serial: u64) {
        self.revoked_tokens.insert(serial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(30);

    fn grant() -> (Grant, u64) {
        let scope = Scope::default();
        let mut grant = Grant::new(Uuid::new_v4(), "demo".to_owned(), Account::Ann, scope);
        let serial = grant.add_refresh_token().serial;
        (grant, serial)
    }

    #[test]
    fn class_a_keeps_the_token_unspent() {
        let (mut grant, serial) = grant();
        let now = OffsetDateTime::UNIX_EPOCH;

        for _ in 0..3 {
            let redemption = grant.redeem(serial, RotationClass::A, GRACE, now);
            assert_eq!(redemption, Redemption::Kept);
        }

        assert!(!grant.is_spent(serial));
    }

    #[test]
    fn class_b_accepts_a_spent_token_at_any_time() {
        let (mut grant, serial) = grant();
        let now = OffsetDateTime::UNIX_EPOCH;
        grant.redeem(serial, RotationClass::B, GRACE, now);

        let again = grant.redeem(serial, RotationClass::B, GRACE, now + 100 * GRACE);

        assert_eq!(again, Redemption::Rotated);
    }

    #[test]
    fn class_c_counts_the_grace_from_the_first_use() {
        let (mut grant, serial) = grant();
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut redeem = |at| grant.redeem(serial, RotationClass::C, GRACE, at);

        assert_eq!(redeem(now), Redemption::Rotated);
        assert_eq!(redeem(now + GRACE / 2), Redemption::Rotated);
        assert_eq!(redeem(now + GRACE), Redemption::Refused);
    }

    #[test]
    fn class_c_keeps_the_newer_token_alive_when_the_grace_is_over() {
        let (mut grant, serial) = grant();
        let now = OffsetDateTime::UNIX_EPOCH;
        grant.redeem(serial, RotationClass::C, GRACE, now);
        let newer = grant.add_refresh_token().serial;
        grant.redeem(serial, RotationClass::C, GRACE, now + GRACE);

        let redemption = grant.redeem(newer, RotationClass::C, GRACE, now + 2 * GRACE);

        assert_eq!(redemption, Redemption::Rotated);
    }

    #[test]
    fn class_d_kills_the_family_at_the_second_use() {
        let (mut grant, serial) = grant();
        let now = OffsetDateTime::UNIX_EPOCH;
        grant.redeem(serial, RotationClass::D, GRACE, now);
        let newer = grant.add_refresh_token().serial;

        let again = grant.redeem(serial, RotationClass::D, GRACE, now);

        assert_eq!(again, Redemption::FamilyRevoked);
        let newest = grant.redeem(newer, RotationClass::D, GRACE, now);
        assert_eq!(newest, Redemption::Refused);
    }
}
