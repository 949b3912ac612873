//! Tokens as a provider answered them, with their lifetimes.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use workapi_types::{AccessToken, GrantId, RefreshToken, Scopes};

/// The longest life that is believed: what comes near the end of PostgreSQL's calendar could
/// not be stored, and the tokens would be lost.
const LONGEST_LIFE: Duration = Duration::from_hours(10 * 365 * 24);

/// What a provider answered to a token request.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// The access token.
    pub access_token: AccessToken,
    /// The refresh token; absent when the provider keeps the old one in force.
    pub refresh_token: Option<RefreshToken>,
    /// The access token's life from the moment of receipt.
    pub expires_in: Duration,
    /// The refresh token's life from the moment of receipt, where the provider says so.
    pub refresh_expires_in: Option<Duration>,
    /// The granted scopes; absent when they are those that were asked for
    /// (RFC 6749 section 5.1).
    pub scopes: Option<Scopes>,
    /// When the answer was read, on our monotonic clock: no provider's clock is trusted.
    pub received_at: Instant,
}

/// Seconds from now at which things happen to a token set; PostgreSQL adds them to its clock.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "they are named as in token answers"
)]
pub(crate) struct Deadlines {
    pub(crate) access_expires_in: f64,
    pub(crate) refresh_expires_in: Option<f64>,
    pub(crate) refresh_in: f64,
    /// Known for a new grant only.
    pub(crate) absolute_expires_in: Option<f64>,
}

impl Deadlines {
    /// Returns the deadlines as they stand `elapsed` later.
    pub(crate) fn later(self, elapsed: Duration) -> Self {
        let elapsed = elapsed.as_secs_f64();
        Self {
            access_expires_in: self.access_expires_in - elapsed,
            refresh_expires_in: self.refresh_expires_in.map(|left| left - elapsed),
            refresh_in: self.refresh_in - elapsed,
            absolute_expires_in: self.absolute_expires_in.map(|left| left - elapsed),
        }
    }
}

impl TokenSet {
    /// Counts the lifetimes from now on.
    pub(crate) fn deadlines(&self, grant_id: GrantId, generation: i64) -> Deadlines {
        let age = self.received_at.elapsed().as_secs_f64();
        let believed = |life: Duration| life.min(LONGEST_LIFE).as_secs_f64();
        let life = believed(self.expires_in);
        Deadlines {
            access_expires_in: life - age,
            refresh_expires_in: self.refresh_expires_in.map(|life| believed(life) - age),
            refresh_in: life * refresh_fraction(grant_id, generation) - age,
            absolute_expires_in: None,
        }
    }
}

/// Returns the part of its life after which a generation is refreshed: 75 to 85 %, spread
/// so that credentials that were connected together are not refreshed together, and fixed
/// per generation so that a restart moves nothing.
fn refresh_fraction(grant_id: GrantId, generation: i64) -> f64 {
    0.75 + 0.10 * spread(grant_id, generation)
}

/// Returns a number from 0 to 1 that belongs to one generation for ever.
pub(crate) fn spread(grant_id: GrantId, generation: i64) -> f64 {
    let mut hash = Sha256::new();
    hash.update(grant_id.as_uuid().as_bytes());
    hash.update(generation.to_be_bytes());
    let digest = hash.finalize();
    f64::from(u16::from_be_bytes([digest[0], digest[1]])) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn refreshes_of_one_moment_are_spread_over_a_tenth_of_the_life() {
        let grants = (0..1000u128).map(|n| GrantId::from_uuid(Uuid::from_u128(n)));

        let fractions: Vec<f64> = grants.map(|grant| refresh_fraction(grant, 1)).collect();

        assert!(
            fractions
                .iter()
                .all(|fraction| (0.75..=0.85).contains(fraction))
        );
        let early = fractions
            .iter()
            .filter(|fraction| **fraction < 0.80)
            .count();
        assert!(
            (400..600).contains(&early),
            "{early} of 1000 are in the first half"
        );
    }

    #[test]
    fn the_moment_of_a_generation_is_fixed() {
        let grant = GrantId::from_uuid(Uuid::from_u128(7));

        assert!(
            refresh_fraction(grant, 3)
                .total_cmp(&refresh_fraction(grant, 3))
                .is_eq()
        );
        assert!(
            refresh_fraction(grant, 3)
                .total_cmp(&refresh_fraction(grant, 4))
                .is_ne()
        );
    }
}
