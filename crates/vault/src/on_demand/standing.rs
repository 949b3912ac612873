//! How fresh a credential is.

use std::time::{Duration, Instant};

use workapi_providers::Cause;
use workapi_types::GrantId;

use crate::store::on_demand::StandingRow;
use crate::{Error, State};

/// The longest margin before its end within which a token does not count as good any more.
const LONGEST_MARGIN: Duration = Duration::from_mins(1);

/// A credential as it was when it was read.
///
/// All times are differences that PostgreSQL made, and are counted on by our monotonic clock from
/// before the read: neither the provider's clock nor the wall clock of this machine plays a part.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Standing {
    pub(crate) grant_id: GrantId,
    pub(crate) generation: i64,
    pub(crate) state: State,
    pub(crate) cause: Option<Cause>,
    pub(crate) sealed_access: Option<Vec<u8>>,
    pub(crate) salt: Option<Vec<u8>>,
    /// Whether the provider refused this generation's access token before its time.
    pub(crate) is_refused: bool,
    pub(crate) is_refreshable: bool,
    pub(crate) is_leased: bool,
    /// How long a credential that failed is left alone, counted from the read.
    pub(crate) backs_off_for: Option<Duration>,
    /// Whether its last use was noted more than a minute ago.
    pub(crate) is_use_due: bool,
    expires_in: Duration,
    life: Duration,
    read_at: Instant,
}

impl Standing {
    pub(crate) fn of(row: StandingRow, read_at: Instant) -> Result<Self, Error> {
        let seconds = |value: f64| Duration::try_from_secs_f64(value).unwrap_or_default();
        Ok(Self {
            grant_id: GrantId::from_uuid(row.grant_id),
            generation: row.generation,
            state: State::parse(&row.state).ok_or(Error::Corrupt("state"))?,
            cause: row
                .cause
                .map(|cause| cause.parse().map_err(|_| Error::Corrupt("cause")))
                .transpose()?,
            sealed_access: row.sealed_access,
            salt: row.salt,
            is_refused: row.is_refused,
            is_refreshable: row.is_refreshable,
            is_leased: row.is_leased,
            backs_off_for: row.backs_off_for.map(seconds),
            is_use_due: row.is_use_due,
            expires_in: seconds(row.expires_in),
            life: seconds(row.life),
            read_at,
        })
    }

    /// Returns what names the token pair for ever.
    pub(crate) fn key(&self) -> (GrantId, i64) {
        (self.grant_id, self.generation)
    }

    /// Returns how long the access token has left, zero when it has run out.
    pub(crate) fn remaining(&self) -> Duration {
        self.expires_in.saturating_sub(self.read_at.elapsed())
    }

    /// Returns whether the integration is deleted: its tokens are nobody's any more.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Revoking | State::Revoked)
    }

    /// Returns whether the access token can be used now. Not running out is enough: that its
    /// credential can't be refreshed (any more) takes nothing from it.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_ended() && !self.is_refused && !self.remaining().is_zero()
    }

    /// Returns whether the access token can be used and is fresh enough for who wishes for
    /// `min_remaining`: more than half of a life would mean a refresh with nearly every call.
    pub(crate) fn is_fresh(&self, min_remaining: Duration) -> bool {
        let margin = LONGEST_MARGIN.min(self.life / 10);
        self.is_usable() && self.remaining() > min_remaining.min(self.life / 2).max(margin)
    }

    /// Returns whether a refresh may bring a newer generation, sooner or later.
    pub(crate) fn may_be_refreshed(&self) -> bool {
        self.is_refreshable && matches!(self.state, State::Active | State::RefreshFailing)
    }

    /// Returns whether a refresh failed, and nobody tries again yet.
    pub(crate) fn is_backing_off(&self) -> bool {
        self.backs_off_for.is_some() && !self.is_leased
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn standing(life: f64, expires_in: f64) -> Standing {
        let row = StandingRow {
            grant_id: Uuid::nil(),
            generation: 1,
            state: "active".to_owned(),
            cause: None,
            sealed_access: None,
            salt: None,
            expires_in,
            life,
            is_refused: false,
            is_refreshable: true,
            is_leased: false,
            backs_off_for: None,
            is_use_due: false,
        };
        Standing::of(row, Instant::now()).unwrap()
    }

    #[test]
    fn a_token_counts_as_good_until_a_minute_before_its_end() {
        assert!(standing(3600.0, 70.0).is_fresh(Duration::ZERO));
        assert!(!standing(3600.0, 60.0).is_fresh(Duration::ZERO));
    }

    #[test]
    fn a_short_lived_token_counts_as_good_for_nine_tenths_of_its_life() {
        assert!(standing(50.0, 15.0).is_fresh(Duration::ZERO));
        assert!(!standing(50.0, 5.0).is_fresh(Duration::ZERO));
    }

    #[test]
    fn a_wish_for_more_is_heard_up_to_half_of_the_life() {
        let ten_minutes = Duration::from_mins(10);

        assert!(!standing(3600.0, 500.0).is_fresh(ten_minutes));
        assert!(standing(3600.0, 700.0).is_fresh(ten_minutes));
        assert!(standing(3600.0, 1810.0).is_fresh(Duration::from_hours(2)));
        assert!(!standing(3600.0, 1790.0).is_fresh(Duration::from_hours(2)));
    }

    #[test]
    fn a_token_that_ran_out_or_was_refused_is_not_usable() {
        let ran_out = standing(-3.0, -1.0);
        let refused = Standing {
            is_refused: true,
            ..standing(3600.0, 3000.0)
        };

        assert!(!ran_out.is_usable() && !refused.is_usable());
        assert!(standing(3600.0, 30.0).is_usable());
    }

    #[test]
    fn a_token_of_a_deleted_integration_is_not_usable() {
        let deleted = Standing {
            state: State::Revoking,
            ..standing(3600.0, 3000.0)
        };

        assert!(!deleted.is_usable());
    }

    #[test]
    fn a_token_outlives_the_health_of_its_credential() {
        for state in [State::NeedsReconnect, State::NeedsOperator] {
            let unwell = Standing {
                state,
                ..standing(3600.0, 3000.0)
            };

            assert!(unwell.is_usable() && !unwell.may_be_refreshed(), "{state}");
        }
    }
}
