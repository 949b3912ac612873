//! What a failed rotation means for its credential, where that takes more than the one answer.

use std::time::Duration;

use rand::Rng as _;
use sqlx::PgConnection;
use workapi_providers::{Action, Cause};

use crate::back_off::back_off;
use crate::breaker::{self, Refusal};
use crate::store::rejection;
use crate::{Error, Failure, RotationLease, State};

/// An answer that nobody understands is asked for so often.
const MOST_UNKNOWN: i32 = 3;

/// What a failed rotation means for its credential.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing. It is looked at again after a time.
    Postponed(Duration),
    /// It failed.
    Failed(Ruling),
}

/// What becomes of a credential that failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ruling {
    /// Why.
    pub(crate) cause: Cause,
    /// The state in which it stays; `None` when time may mend it.
    pub(crate) end: Option<State>,
    /// When it is looked at again, unless that is the end.
    pub(crate) after: Duration,
}

/// Judges a failure by what came before it.
pub(crate) async fn judge(
    connection: &mut PgConnection,
    lease: &RotationLease,
    failure: &Failure,
) -> Result<Verdict, Error> {
    let failures = lease.failures();
    let after = back_off(&lease.integration_id, failures, failure.retry_after);
    let failed = |cause, end, after| Verdict::Failed(Ruling { cause, end, after });
    let cause = failure.cause;
    Ok(match failure.action {
        Action::Reconnect => failed(cause, Some(State::NeedsReconnect), after),
        Action::Operator if cause == Cause::OperatorConfig => {
            match breaker::refuse(connection, lease).await? {
                Refusal::BreakerOpen(wait) => Verdict::Postponed(wait),
                Refusal::Suspicion => failed(cause, None, after),
                Refusal::Confined => failed(Cause::AdminPolicy, Some(State::NeedsOperator), after),
            }
        }
        Action::Operator => failed(cause, Some(State::NeedsOperator), after),
        Action::Wait if cause == Cause::Unknown && failure.rejected => {
            let repetition = rejection::note(connection, lease, cause).await?;
            let enough = repetition.times >= MOST_UNKNOWN && repetition.for_a_day;
            let after = until_next_try(repetition.times).max(after);
            failed(cause, enough.then_some(State::NeedsOperator), after)
        }
        Action::Wait | Action::None => failed(cause, None, after),
    })
}

/// Returns when an answer that nobody understands is asked for again: after an hour, for it may
/// have been an accident, and then when a day is over.
fn until_next_try(times: i32) -> Duration {
    let hours = if times < 2 { 1 } else { 23 };
    Duration::from_hours(hours).mul_f64(rand::rng().random_range(1.0..1.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_tries_take_a_day_and_not_much_longer() {
        let day = until_next_try(1) + until_next_try(2);

        assert!(day >= Duration::from_hours(24));
        assert!(day < Duration::from_hours(27));
    }
}
