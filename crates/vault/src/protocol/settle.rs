//! Where an answer belongs that a provider has given (refresh protocol, sections 4.5, 4.6 and 6).

use workapi_types::{AttemptId, GrantId};

use crate::State;

/// An answer on its way to its row, from the provider or out of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The grant that it rotates.
    pub grant_id: GrantId,
    /// The generation that it is.
    pub generation: i64,
    /// The attempt that it answers; `None` when it is the first one of its grant.
    pub attempt_id: Option<AttemptId>,
}

/// What the row holds, read under its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The grant.
    pub grant_id: GrantId,
    /// Its generation.
    pub generation: i64,
    /// The attempt that made the generation, unless connecting did.
    pub last_attempt_id: Option<AttemptId>,
    /// The state.
    pub state: State,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is newer than what is stored, and takes its place.
    Commit,
    /// It is what is stored: an earlier commit worked, and its outcome was not heard.
    AlreadyCommitted,
    /// The row is beyond it. Nobody needs it.
    Beyond,
    /// Another attempt made the same generation. It is kept aside.
    Quarantine,
    /// The integration is deleted.
    Ended,
    /// The user has reconnected since: its grant is gone.
    Replaced,
    /// Its grant is newer than the stored one, or nothing is stored: only a whole grant can be
    /// stored there.
    NewerGrant,
}

/// Decides where an answer belongs.
///
/// (grant, generation) names one token pair for ever and only grows, so the greater one is the
/// newer one, whoever holds a lease and whenever it arrives. Time never decides.
pub fn settle(answer: &Answer, stored: Option<&Stored>) -> Settlement {
    let Some(stored) = stored else {
        return Settlement::NewerGrant;
    };
    if answer.grant_id < stored.grant_id {
        return Settlement::Replaced;
    }
    if answer.grant_id > stored.grant_id {
        return Settlement::NewerGrant;
    }
    if matches!(stored.state, State::Revoking | State::Revoked) {
        return Settlement::Ended;
    }
    if answer.generation > stored.generation {
        Settlement::Commit
    } else if answer.generation < stored.generation {
        Settlement::Beyond
    } else if answer.attempt_id == stored.last_attempt_id {
        Settlement::AlreadyCommitted
    } else {
        Settlement::Quarantine
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn grant(n: u128) -> GrantId {
        GrantId::from_uuid(Uuid::from_u128(n))
    }

    fn stored() -> Stored {
        Stored {
            grant_id: grant(5),
            generation: 7,
            last_attempt_id: Some(AttemptId::new()),
            state: State::Active,
        }
    }

    fn answer(grant_number: u128, generation: i64) -> Answer {
        Answer {
            grant_id: grant(grant_number),
            generation,
            attempt_id: Some(AttemptId::new()),
        }
    }

    #[test]
    fn only_grant_and_generation_decide() {
        let row = stored();

        for (arriving, expected) in [
            (answer(5, 8), Settlement::Commit),
            (answer(5, 9), Settlement::Commit),
            (answer(5, 7), Settlement::Quarantine),
            (answer(5, 6), Settlement::Beyond),
            (answer(4, 99), Settlement::Replaced),
            (answer(6, 1), Settlement::NewerGrant),
        ] {
            assert_eq!(settle(&arriving, Some(&row)), expected, "{arriving:?}");
        }
        assert_eq!(settle(&answer(5, 8), None), Settlement::NewerGrant);
    }

    #[test]
    fn an_answer_knows_its_own_commit() {
        let row = stored();
        let own = Answer {
            attempt_id: row.last_attempt_id,
            ..answer(5, 7)
        };

        assert_eq!(settle(&own, Some(&row)), Settlement::AlreadyCommitted);
    }

    #[test]
    fn nothing_revives_a_deleted_credential() {
        for state in [State::Revoking, State::Revoked] {
            let row = Stored { state, ..stored() };

            assert_eq!(settle(&answer(5, 8), Some(&row)), Settlement::Ended);
        }
    }

    #[test]
    fn a_credential_that_was_given_up_takes_its_answer_all_the_same() {
        let row = Stored {
            state: State::NeedsReconnect,
            ..stored()
        };

        assert_eq!(settle(&answer(5, 8), Some(&row)), Settlement::Commit);
    }
}
