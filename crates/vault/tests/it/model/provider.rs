//! The provider: which refresh tokens it takes, by rotation class.

use workapi_providers::RotationClass;

/// How many ticks a spent token still works in class C.
pub(super) const GRACE: u8 = 5;
/// The refresh tokens of one grant, in the order in which they were issued.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Family {
    tokens: Vec<Token>,
    /// Whether the whole grant is dead.
    pub(super) revoked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Token {
    /// It was issued in exchange for another one, or at consent.
    Live { predecessor: Option<u8> },
    /// It was exchanged, and works for a while yet.
    Spent { grace: u8 },
    /// Its predecessor was exchanged once more, and the other answer counts.
    Replaced,
}

impl Family {
    /// A user has consented: the first token is there, number 0.
    pub(super) fn authorized() -> Self {
        let mut family = Self::default();
        family.issue(None);
        family
    }

    /// Returns whether the token would be exchanged.
    pub(super) fn honours(&self, serial: u8) -> bool {
        let accepted = match self.tokens[usize::from(serial)] {
            Token::Replaced => false,
            Token::Live { .. } => true,
            Token::Spent { grace } => grace > 0,
        };
        accepted && !self.revoked
    }

    /// Returns whether the token was exchanged before.
    pub(super) fn is_spent(&self, serial: u8) -> bool {
        matches!(self.tokens[usize::from(serial)], Token::Spent { .. })
    }

    /// Returns whether exchanging the token would be taken for theft.
    fn is_reuse(&self, serial: u8) -> bool {
        self.tokens[usize::from(serial)] == Token::Spent { grace: 0 } && !self.revoked
    }

    /// Exchanges a token; `None` is `invalid_grant`. The provider is as strict as its class may
    /// be: reuse kills the grant, and where a token is exchanged twice within its grace, only the
    /// later answer counts.
    pub(super) fn refresh(&mut self, class: RotationClass, serial: u8) -> Option<u8> {
        self.revoked |= self.is_reuse(serial);
        if !self.honours(serial) {
            return None;
        }
        match class {
            RotationClass::A => return Some(serial),
            RotationClass::B => {}
            RotationClass::C => self.spend(serial, GRACE),
            RotationClass::D => self.spend(serial, 0),
        }
        Some(self.issue(Some(serial)))
    }

    fn spend(&mut self, serial: u8, grace: u8) {
        for token in &mut self.tokens {
            if let Token::Live { predecessor } = token
                && *predecessor == Some(serial)
            {
                *token = Token::Replaced;
            }
        }
        let token = &mut self.tokens[usize::from(serial)];
        if let Token::Live { .. } = token {
            *token = Token::Spent { grace };
        }
    }

    /// Lets a tick pass.
    pub(super) fn tick(&mut self) {
        for token in &mut self.tokens {
            if let Token::Spent { grace } = token {
                *grace = grace.saturating_sub(1);
            }
        }
    }

    fn issue(&mut self, predecessor: Option<u8>) -> u8 {
        self.tokens.push(Token::Live { predecessor });
        u8::try_from(self.tokens.len() - 1).expect("a run draws few tokens")
    }
}
