//! Waiting until a credential is fresh.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use workapi_bus::{Notes, RequestError};
use workapi_proto::jobs::v1::{RefreshOutcome, RefreshReply};
use workapi_providers::Cause;
use workapi_types::{GrantId, IntegrationId};

use super::standing::Standing;
use super::{OnDemand, OnDemandError};
use crate::store::on_demand as store;
use crate::{Error, State};

/// How often a waiter looks at the row, whatever it is told.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// How long one of these looks may take: the next one comes soon.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);

/// What was done to have a fresh access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshment {
    /// Nothing: it was fresh.
    NotNeeded,
    /// It was refreshed.
    Refreshed,
    /// Somebody was refreshing it, and was waited for.
    Joined,
    /// Nothing: there is no credential, or its state or the lack of a refresh token forbids it.
    Impossible,
    /// A refresh failed, and the time of the next one has not come.
    BackingOff,
    /// Nobody took the request, and nothing came until the deadline.
    Unanswered,
    /// It is being refreshed, and was not done by the deadline.
    TimedOut,
}

/// What a wait ended with.
#[derive(Debug)]
pub(crate) struct Waited {
    /// The credential as it was seen last; `None` when there is none.
    pub(crate) standing: Option<Standing>,
    pub(crate) refreshment: Refreshment,
}

impl Waited {
    /// Returns the credential whose access token can be used.
    pub(crate) fn usable(&self) -> Result<&Standing, OnDemandError> {
        let Some(standing) = &self.standing else {
            return Err(OnDemandError::NotConnected);
        };
        if standing.is_usable() {
            return Ok(standing);
        }
        let cause = standing.cause;
        let known_cause = cause.unwrap_or(Cause::Unknown);
        Err(match standing.state {
            State::Revoking | State::Revoked => OnDemandError::Deleted,
            State::NeedsOperator => OnDemandError::NeedsOperator { cause: known_cause },
            State::Active | State::RefreshFailing if standing.is_refreshable => {
                let back_off = standing.backs_off_for.unwrap_or_default();
                let retry_after = back_off.max(OnDemandError::PAUSE);
                OnDemandError::Unavailable { cause, retry_after }
            }
            State::Active | State::RefreshFailing | State::NeedsReconnect => {
                OnDemandError::NeedsReconnect { cause: known_cause }
            }
        })
    }
}

impl OnDemand {
    /// Returns the credential when it is fresh, when it can't be made so, or at the deadline.
    pub(crate) async fn fresh(
        &self,
        integration_id: &IntegrationId,
        min_remaining: Duration,
        deadline: Duration,
    ) -> Result<Waited, Error> {
        let until = Instant::now() + deadline;
        let standing = self.look(integration_id).await?;
        let refreshment = match &standing {
            None => Refreshment::Impossible,
            Some(standing) if standing.is_fresh(min_remaining) => Refreshment::NotNeeded,
            Some(standing) if !standing.may_be_refreshed() => Refreshment::Impossible,
            Some(standing) if standing.is_backing_off() => Refreshment::BackingOff,
            Some(stale) => {
                let waiting = Waiting {
                    on_demand: self,
                    integration_id,
                    stale: stale.key(),
                    until,
                    standing,
                    answer: None,
                };
                return Ok(waiting.run().await);
            }
        };
        Ok(Waited {
            standing,
            refreshment,
        })
    }
}

/// A caller's wait for a newer generation. Nothing but the waiting ends when it is dropped.
struct Waiting<'a> {
    on_demand: &'a OnDemand,
    integration_id: &'a IntegrationId,
    /// The generation that is not fresh enough.
    stale: (GrantId, i64),
    until: Instant,
    standing: Option<Standing>,
    /// What became of the request; `Busy` also when nobody took it.
    answer: Option<RefreshOutcome>,
}

impl Waiting<'_> {
    async fn run(mut self) -> Waited {
        let (on_demand, id) = (self.on_demand, self.integration_id.as_str());
        // First, so that no note is missed that the request causes.
        let mut notes = on_demand.bus.subscribe_refreshed(id).await.ok();
        // Half of the time, so that the schedulers still have theirs if nobody answers.
        let patience = self.until.saturating_duration_since(Instant::now()) / 2;
        let request = on_demand.bus.request_refresh(id, patience);
        tokio::pin!(request);
        let mut looks = interval_at(Instant::now() + LOOK_INTERVAL, LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_last = tokio::select! {
                () = sleep_until(self.until) => {
                    if self.answer.is_none() {
                        self.leave_word().await;
                    }
                    true
                }
                reply = &mut request, if self.answer.is_none() => {
                    self.heed(reply).await;
                    false
                }
                () = note(&mut notes) => false,
                _ = looks.tick() => false,
            };
            self.look().await;
            if let Some(refreshment) = self.result(is_last) {
                return Waited {
                    standing: self.standing,
                    refreshment,
                };
            }
        }
    }

    /// Takes the reply to the request; without one, leaves word in PostgreSQL.
    async fn heed(&mut self, reply: Result<RefreshReply, RequestError>) {
        let outcome = match reply {
            Ok(reply) => reply.outcome(),
            Err(error) => {
                tracing::debug!(integration.id = %self.integration_id, %error, "nobody took a refresh request");
                RefreshOutcome::Busy
            }
        };
        self.answer = Some(outcome);
        if matches!(outcome, RefreshOutcome::Busy | RefreshOutcome::Unspecified) {
            self.leave_word().await;
        }
    }

    /// Makes the credential due for the schedulers, unless somebody is at it.
    async fn leave_word(&self) {
        let (grant_id, generation) = self.stale;
        let pool = self.on_demand.database.pool();
        let leaving = store::make_due(pool, self.integration_id, grant_id, generation);
        if !matches!(timeout(LOOK_PATIENCE, leaving).await, Ok(Ok(()))) {
            tracing::debug!(integration.id = %self.integration_id, "a credential was not made due");
        }
    }

    /// Looks at the row. What was seen before stands if that fails.
    async fn look(&mut self) {
        let looking = self.on_demand.look(self.integration_id);
        match timeout(LOOK_PATIENCE, looking).await {
            Ok(Ok(standing)) => self.standing = standing,
            Ok(Err(error)) => tracing::debug!(%error, "a waiter failed to look at a credential"),
            Err(_) => tracing::debug!("a waiter's look at a credential took too long"),
        }
    }

    /// Returns how the wait ended; `None` while it goes on.
    fn result(&self, is_last: bool) -> Option<Refreshment> {
        let Some(standing) = &self.standing else {
            return Some(Refreshment::Impossible);
        };
        if standing.key() != self.stale {
            return Some(match self.answer {
                Some(RefreshOutcome::Joined) => Refreshment::Joined,
                _ => Refreshment::Refreshed,
            });
        }
        if !standing.may_be_refreshed() {
            return Some(Refreshment::Impossible);
        }
        match self.answer {
            // Young in the refresher's eyes: what a second look shows is what there is.
            Some(RefreshOutcome::Current) => Some(Refreshment::NotNeeded),
            Some(RefreshOutcome::Failed) => Some(Refreshment::BackingOff),
            // Whoever had it has failed.
            Some(_) if standing.is_backing_off() => Some(Refreshment::BackingOff),
            Some(RefreshOutcome::Joined) if is_last => Some(Refreshment::TimedOut),
            _ if is_last && standing.is_leased => Some(Refreshment::TimedOut),
            _ if is_last => Some(Refreshment::Unanswered),
            _ => None,
        }
    }
}

/// Waits for the next note; for ever, where there is none to come.
async fn note(notes: &mut Option<Notes>) {
    let came = match notes {
        Some(notes) => notes.next().await.is_some(),
        None => false,
    };
    if !came {
        std::future::pending::<()>().await;
    }
}
