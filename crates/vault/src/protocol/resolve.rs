//! What may be sent while nobody knows what became of an earlier attempt (refresh protocol,
//! section 6; ADR 0014).

use std::time::Duration;

use workapi_providers::{Action, Cause, Manifest, RotationClass};

/// A grace period that is shorter than this is over before a lease is.
const SHORTEST_GRACE: Duration = Duration::from_secs(90);

/// How a provider takes a refresh token that it may have seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The rotation class.
    pub class: RotationClass,
    /// How long a spent token still works, for class C.
    pub grace: Duration,
    /// The longest that one exchange takes; so much of the grace is not counted on.
    pub margin: Duration,
}

/// An attempt at the present generation of which nobody knows whether the provider rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// How long ago the first such attempt was sent.
    pub first_sent: Duration,
}

/// What may be done with the stored refresh token now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send it.
    Send,
    /// Send nothing before this has passed.
    Wait(Duration),
}

impl Replay {
    /// Returns how the provider of a manifest takes a token again.
    pub fn of(manifest: &Manifest) -> Self {
        Self {
            class: manifest.refresh.class,
            grace: manifest.refresh.grace.unwrap_or_default(),
            margin: manifest.token.deadline,
        }
    }

    /// Returns whether a token that was spent once is dead, so that an answer must never be lost.
    pub fn is_single_use(self) -> bool {
        matches!(self.class, RotationClass::C | RotationClass::D)
    }

    /// Returns whether a token may be sent again while the provider may still act on the request
    /// before. Otherwise the second one, or the first one that comes after it, kills the grant.
    pub fn may_repeat(self) -> bool {
        self.honours(Unresolved {
            first_sent: Duration::ZERO,
        })
    }

    fn honours(self, unresolved: Unresolved) -> bool {
        match self.class {
            RotationClass::A | RotationClass::B => true,
            RotationClass::C => {
                self.grace >= SHORTEST_GRACE && unresolved.first_sent + self.margin < self.grace
            }
            RotationClass::D => false,
        }
    }
}

/// Decides whether the stored refresh token may be sent, now that the lease is ours and neither
/// journal nor spill file had the answer.
///
/// `access_left` is the life that the stored access token still has; zero when it has ended or
/// was refused. A provider that kills the grant at the second use of a token must not be asked
/// while there is anything left to lose.
pub fn next_step(replay: Replay, unresolved: Option<Unresolved>, access_left: Duration) -> Step {
    match unresolved {
        Some(unresolved) if !replay.honours(unresolved) && !access_left.is_zero() => {
            Step::Wait(access_left)
        }
        _ => Step::Send,
    }
}

/// Says why a grant is dead. A refused token that may have been spent by an attempt whose answer
/// is lost was refused for that.
pub fn cause_of_rejection(
    replay: Replay,
    unresolved: Option<Unresolved>,
    action: Action,
    cause: Cause,
) -> Cause {
    let lost = unresolved.is_some() && replay.is_single_use() && action == Action::Reconnect;
    if lost {
        Cause::AmbiguousRotation
    } else {
        cause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(30);
    const LEFT: Duration = Duration::from_mins(20);

    fn replay(class: RotationClass, grace: u64) -> Replay {
        Replay {
            class,
            grace: Duration::from_secs(grace),
            margin: DEADLINE,
        }
    }

    fn sent_before(seconds: u64) -> Unresolved {
        Unresolved {
            first_sent: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_token_of_which_nothing_is_unknown_is_sent() {
        for class in [
            RotationClass::A,
            RotationClass::B,
            RotationClass::C,
            RotationClass::D,
        ] {
            assert_eq!(next_step(replay(class, 0), None, LEFT), Step::Send);
        }
    }

    #[test]
    fn classes_a_and_b_are_asked_again_at_once() {
        for class in [RotationClass::A, RotationClass::B] {
            let step = next_step(replay(class, 0), Some(sent_before(86_400)), LEFT);

            assert_eq!(step, Step::Send);
        }
    }

    #[test]
    fn class_c_is_asked_again_while_its_grace_surely_lasts() {
        let replay = replay(RotationClass::C, 600);

        assert_eq!(next_step(replay, Some(sent_before(569)), LEFT), Step::Send);
        assert_eq!(
            next_step(replay, Some(sent_before(570)), LEFT),
            Step::Wait(LEFT)
        );
    }

    #[test]
    fn a_short_grace_is_none() {
        let short = replay(RotationClass::C, 89);

        assert_eq!(
            next_step(short, Some(sent_before(1)), LEFT),
            Step::Wait(LEFT)
        );
    }

    #[test]
    fn class_d_is_asked_again_when_nothing_is_left_to_lose() {
        let replay = replay(RotationClass::D, 0);

        assert_eq!(
            next_step(replay, Some(sent_before(60)), LEFT),
            Step::Wait(LEFT)
        );
        let ended = next_step(replay, Some(sent_before(60)), Duration::ZERO);
        assert_eq!(ended, Step::Send);
    }

    #[test]
    fn only_a_token_that_stays_good_for_a_while_may_be_sent_twice_at_a_time() {
        assert!(replay(RotationClass::A, 0).may_repeat());
        assert!(replay(RotationClass::B, 0).may_repeat());
        assert!(replay(RotationClass::C, 600).may_repeat());
        assert!(!replay(RotationClass::C, 60).may_repeat());
        assert!(!replay(RotationClass::D, 0).may_repeat());
    }

    #[test]
    fn a_token_that_may_have_been_spent_was_refused_for_that() {
        let refused = |class, unresolved| {
            cause_of_rejection(
                replay(class, 600),
                unresolved,
                Action::Reconnect,
                Cause::Unknown,
            )
        };

        assert_eq!(
            refused(RotationClass::D, Some(sent_before(60))),
            Cause::AmbiguousRotation
        );
        assert_eq!(
            refused(RotationClass::C, Some(sent_before(60))),
            Cause::AmbiguousRotation
        );
        assert_eq!(refused(RotationClass::D, None), Cause::Unknown);
        assert_eq!(
            refused(RotationClass::B, Some(sent_before(60))),
            Cause::Unknown
        );
    }
}
