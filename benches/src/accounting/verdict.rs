//! The end of one rotation.

use std::time::{Duration, Instant};

use workapi_sandbox::{Answer, Presentation, RotationClass};

use super::{Evidence, Grant, Lineage};

/// How long after the last byte a SIGKILL still explains that the answer is nowhere.
const READING: Duration = Duration::from_millis(500);
/// How much earlier than the deadline our side may hang up: it counts from before the connection.
const EARLY: Duration = Duration::from_secs(2);
/// How late a request may be read that was sent before its process died.
const UNREAD: Duration = Duration::from_secs(1);

/// The end of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The vault's newest pair descends from it.
    Kept,
    /// Its own pair is gone, but the class let the same token be sent again (A, B, C).
    Replayed,
    /// The connection or a fault ended it before its last byte could be read.
    Wire,
    /// Its refresher got SIGKILL between the provider's commit and 500 ms after the last byte.
    Killed,
    /// Everything else.
    Lost,
}

impl Verdict {
    /// Tells whether no design could have kept a class D rotation with this end.
    pub(super) fn is_unavoidable(self) -> bool {
        matches!(self, Self::Wire | Self::Killed)
    }
}

/// Judges a rotation.
pub(super) fn of(
    rotation: &Presentation,
    grant: &Grant,
    lineage: &Lineage,
    evidence: &Evidence,
) -> Verdict {
    if rotation.issued.is_some_and(|issued| lineage.has(issued)) {
        return Verdict::Kept;
    }
    if grant.class != RotationClass::D {
        return of_replayable(rotation, grant, lineage);
    }
    let killed_in = |from: Instant, to: Instant, late: Duration| {
        let mut kills = evidence.kills.iter();
        kills.any(|kill| {
            kill.address == rotation.reached_at && kill.sent <= to && kill.gone + late >= from
        })
    };
    let early = EARLY.min(evidence.deadline / 2);
    match rotation.answer {
        Answer::Dropped(_) => Verdict::Wire,
        Answer::Written(end) | Answer::Broken(end) | Answer::Unread(end)
            if killed_in(rotation.committed_at, end + READING, Duration::ZERO) =>
        {
            Verdict::Killed
        }
        // The process died first, and its connections with it.
        Answer::Broken(end) if killed_in(rotation.received_at, end, UNREAD) => Verdict::Wire,
        // Whoever hangs up before the deadline has thrown the answer away.
        Answer::Broken(end) | Answer::Unread(end)
            if end - rotation.received_at + early >= evidence.deadline =>
        {
            Verdict::Wire
        }
        Answer::Written(_) | Answer::Broken(_) | Answer::Unread(_) | Answer::Pending => {
            Verdict::Lost
        }
    }
}

/// Judges a rotation whose token could be sent again: it is kept with its grant, or lost.
fn of_replayable(rotation: &Presentation, grant: &Grant, lineage: &Lineage) -> Verdict {
    let Some(stored) = grant.stored else {
        return Verdict::Lost;
    };
    let is_newest = rotation.serial == stored.serial;
    if !lineage.has(rotation.serial) || (is_newest && !stored.is_honoured) {
        Verdict::Lost
    } else if rotation.issued.is_none() {
        Verdict::Kept
    } else {
        Verdict::Replayed
    }
}
