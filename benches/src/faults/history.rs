//! The history of one grant, for who wants to know why it went wrong.

use std::time::{Duration, Instant};

use uuid::Uuid;
use workapi_sandbox::{Answer, Presentation};

use crate::accounting::{Evidence, Grant};

/// How near a kill is that may have to do with an event.
const NEAR: Duration = Duration::from_secs(2);

/// Tells what happened to a grant, in order; times are in seconds since `began`.
pub(super) fn tell(evidence: &Evidence, grant: &Grant, began: Instant) -> Vec<String> {
    let mut events: Vec<(Duration, String)> = Vec::new();
    let of_grant = |id: Uuid| id == grant.id;
    for presentation in &evidence.presentations {
        if of_grant(presentation.grant) {
            let at = presentation.committed_at.duration_since(began);
            events.push((at, presented(presentation)));
        }
    }
    for attempt in &evidence.attempts {
        if of_grant(attempt.grant) {
            let (generation, state) = (attempt.generation, &attempt.state);
            let what = format!("attempt at generation {generation}, now {state}");
            events.push((attempt.sent_at, what));
        }
    }
    for kill in &evidence.kills {
        let at = kill.sent.duration_since(began);
        if events.iter().any(|(event, _)| event.abs_diff(at) < NEAR) {
            let died = evidence.presentations.iter().any(|presentation| {
                of_grant(presentation.grant) && presentation.reached_at == kill.address
            });
            if died {
                events.push((at, format!("SIGKILL to {}", kill.address)));
            }
        }
    }
    events.sort();
    let end = match &grant.reconnect {
        Some(cause) => format!("needs_reconnect: {cause}"),
        None => "live".to_owned(),
    };
    let Grant {
        id, class, stored, ..
    } = grant;
    let stored = stored.map(|stored| (stored.serial, stored.is_honoured));
    let head = format!("grant {id}, class {class:?}, {end}, stored token (honoured): {stored:?}");
    let events = events.into_iter();
    let events = events.map(|(at, what)| format!("  {:8.3} {what}", at.as_secs_f64()));
    std::iter::once(head).chain(events).collect()
}

fn presented(presentation: &Presentation) -> String {
    let since = |at: Instant| at.duration_since(presentation.received_at).as_secs_f64();
    let answer = match presentation.answer {
        Answer::Pending => "never answered".to_owned(),
        Answer::Dropped(at) => format!("dropped by a fault, {:.3} s after its request", since(at)),
        Answer::Broken(at) => format!("client gone, {:.3} s after its request", since(at)),
        Answer::Unread(at) => format!("left unread, {:.3} s after its request", since(at)),
        Answer::Written(at) => format!("sent, {:.3} s after its request", since(at)),
    };
    let Presentation {
        serial,
        reached_at,
        was_spent,
        ..
    } = presentation;
    let spent = if *was_spent { " spent" } else { "" };
    let result = match presentation.issued {
        Some(issued) => format!("token {issued}"),
        None if presentation.accepted => "accepted".to_owned(),
        None if presentation.family_revoked => "refused, the grant is dead".to_owned(),
        None => "refused".to_owned(),
    };
    format!("{reached_at}:{spent} token {serial} → {result}; {answer}")
}
