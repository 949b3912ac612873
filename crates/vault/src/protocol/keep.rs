//! Which of two answers stays in a place that has room for one (refresh protocol, section 6).

use crate::protocol::Answer;

impl Answer {
    /// Returns whether this answer may take the place of `kept` in the journal.
    ///
    /// The journal keeps one answer of each credential. A process that stood still, or whose
    /// client library sends again what it held back during an outage, writes late, and the
    /// journal may be the only place that has the newer one.
    pub fn may_replace(&self, kept: &Answer) -> bool {
        let place = (self.grant_id, self.generation);
        let taken = (kept.grant_id, kept.generation);
        place > taken || (place == taken && self.attempt_id == kept.attempt_id)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use workapi_types::{AttemptId, GrantId};

    use super::*;

    fn answer(grant: u128, generation: i64) -> Answer {
        Answer {
            grant_id: GrantId::from_uuid(Uuid::from_u128(grant)),
            generation,
            attempt_id: Some(AttemptId::new()),
        }
    }

    #[test]
    fn only_a_newer_answer_takes_the_place_of_another() {
        let kept = answer(5, 7);

        assert!(answer(5, 8).may_replace(&kept));
        assert!(answer(6, 1).may_replace(&kept));
        assert!(!answer(5, 7).may_replace(&kept));
        assert!(!answer(5, 6).may_replace(&kept));
        assert!(!answer(4, 9).may_replace(&kept));
    }

    #[test]
    fn an_answer_may_be_written_twice() {
        let kept = answer(5, 7);

        assert!(kept.may_replace(&kept));
    }
}
