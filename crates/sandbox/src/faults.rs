//! Faults on demand: what an endpoint does wrong the next few times.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::chance::Chance;
use crate::credentials::AnsweredClient;
use crate::journal::Entry;
use crate::refusal::NO_STORE;
use crate::serve::Dropped;

/// An endpoint that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Endpoint {
    Token,
    Userinfo,
    Revoke,
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Answers an error and does nothing.
    Status,
    /// Does everything right, but late.
    Delay,
    /// Does everything at once, and answers late.
    DelayAfter,
    /// Closes the connection and does nothing.
    DropBefore,
    /// Does everything, and closes the connection instead of answering.
    DropAfter,
}

/// A fault, and how often it is still to happen.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    endpoint: Endpoint,
    kind: Kind,
    /// The status of kind `status`.
    #[serde(default = "default_status")]
    status: u16,
    /// The `error` member of kind `status`.
    #[serde(default = "default_error")]
    error: String,
    /// How long to wait first, whatever the kind.
    #[serde(default)]
    delay_ms: u32,
    /// The `Retry-After` of kind `status`; 0 sends none.
    #[serde(default)]
    retry_after_seconds: u32,
    #[serde(default = "default_count")]
    count: u32,
}

fn default_status() -> u16 {
    503
}

fn default_error() -> String {
    "temporarily_unavailable".to_owned()
}

fn default_count() -> u32 {
    1
}

/// Why a fault cannot be injected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidFault {
    #[error("status must be from 200 to 599")]
    Status,
    #[error("count must be at least 1")]
    Count,
    #[error("kinds `delay` and `delay_after` need a delay_ms above 0")]
    Delay,
}

impl Fault {
    /// Makes the fault of one token request, as the generator of faults drew it.
    pub(crate) fn random(kind: Kind) -> Self {
        Self {
            endpoint: Endpoint::Token,
            kind,
            status: default_status(),
            error: default_error(),
            delay_ms: 0,
            retry_after_seconds: 0,
            count: 1,
        }
    }

    /// Makes it wait.
    pub(crate) fn late(mut self, delay: Duration) -> Self {
        self.delay_ms = u32::try_from(delay.as_millis()).unwrap_or(u32::MAX);
        self
    }

    /// Makes it a 429.
    pub(crate) fn rate_limited(mut self, retry_after_seconds: u32) -> Self {
        self.status = StatusCode::TOO_MANY_REQUESTS.as_u16();
        self.error = String::from("rate_limited");
        self.retry_after_seconds = retry_after_seconds;
        self
    }

    #[cfg(test)]
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    fn validate(&self) -> Result<(), InvalidFault> {
        if !(200..=599).contains(&self.status) {
            return Err(InvalidFault::Status);
        }
        if self.count == 0 {
            return Err(InvalidFault::Count);
        }
        if matches!(self.kind, Kind::Delay | Kind::DelayAfter) && self.delay_ms == 0 {
            return Err(InvalidFault::Delay);
        }
        Ok(())
    }

    fn answer(&self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let response = (status, NO_STORE, Json(json!({ "error": self.error })));
        if self.retry_after_seconds == 0 {
            return response.into_response();
        }
        let retry_after = [(header::RETRY_AFTER, self.retry_after_seconds.to_string())];
        (retry_after, response).into_response()
    }
}

/// The faults still to happen: those that were asked for, oldest first, and those at random.
pub(crate) struct Faults {
    schedule: Mutex<Schedule>,
    chance: Chance,
}

#[derive(Default)]
struct Schedule {
    pending: VecDeque<Fault>,
    /// Ends the delays of the faults that were taken since the last clearing.
    cleared: CancellationToken,
}

/// A fault that is happening.
struct Occurrence {
    fault: Fault,
    cleared: CancellationToken,
}

impl Occurrence {
    /// Waits as long as the fault says, or until the faults are cleared.
    async fn delay(&self) {
        let delay = Duration::from_millis(self.fault.delay_ms.into());
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.cleared.cancelled() => {}
        }
    }
}

impl Faults {
    /// Makes one without any.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            schedule: Mutex::default(),
            chance: Chance::new(seed),
        }
    }

    /// Returns those at random.
    pub(crate) fn chance(&self) -> &Chance {
        &self.chance
    }

    /// Adds a fault; those of one endpoint happen in the order they came.
    pub(crate) fn add(&self, fault: Fault) -> Result<(), InvalidFault> {
        fault.validate()?;
        self.lock().pending.push_back(fault);
        Ok(())
    }

    /// Returns those that are still to happen.
    pub(crate) fn pending(&self) -> Vec<Fault> {
        self.lock().pending.iter().cloned().collect()
    }

    /// Forgets all of them, and ends the delays of those that are happening.
    pub(crate) fn clear(&self) {
        let happening = std::mem::take(&mut *self.lock()).cleared;
        happening.cancel();
    }

    /// Takes one occurrence of the next fault of an endpoint; chance has its turn when none waits.
    fn take(&self, endpoint: Endpoint) -> Option<Occurrence> {
        let mut schedule = self.lock();
        let fault = match schedule.take(endpoint) {
            None if endpoint == Endpoint::Token => self.chance.draw(),
            waiting => waiting,
        };
        Some(Occurrence {
            fault: fault?,
            cleared: schedule.cleared.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Schedule {
    fn take(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let pending = &mut self.pending;
        let next = pending
            .iter()
            .position(|fault| fault.endpoint == endpoint)?;
        let fault = pending.get_mut(next)?;
        fault.count -= 1;
        let taken = fault.clone();
        if taken.count == 0 {
            pending.remove(next);
        }
        Some(taken)
    }
}

/// Middleware that lets the next fault of the endpoint happen.
pub(crate) async fn inject(
    State((app, endpoint)): State<(Arc<App>, Endpoint)>,
    request: Request,
    next: Next,
) -> Response {
    let Some(occurrence) = app.faults.take(endpoint) else {
        return next.run(request).await;
    };
    let fault = &occurrence.fault;
    tracing::debug!(?endpoint, kind = ?fault.kind, "the sandbox injects a fault");
    if fault.kind != Kind::DelayAfter {
        occurrence.delay().await;
    }
    match fault.kind {
        Kind::Status => fault.answer(),
        Kind::Delay => next.run(request).await,
        Kind::DelayAfter => {
            let answer = next.run(request).await;
            occurrence.delay().await;
            answer
        }
        Kind::DropBefore => dropped(None),
        Kind::DropAfter => {
            let answer = next.run(request).await;
            let entry = answer.extensions().get::<Entry>().copied();
            let client = answer.extensions().get::<AnsweredClient>().cloned();
            count_dropped_answer(&app, client).await;
            dropped(entry)
        }
    }
}

async fn count_dropped_answer(app: &App, client: Option<AnsweredClient>) {
    let client_id = client.as_ref().map(|AnsweredClient(id)| id.as_str());
    let counted = app
        .store
        .change(|ledger| ledger.count_dropped_answer(client_id))
        .await;
    if let Err(error) = counted {
        error.log();
    }
}

/// An answer that `serve` recognises and never sends.
fn dropped(entry: Option<Entry>) -> Response {
    let mut answer = axum::Extension(Dropped).into_response();
    if let Some(entry) = entry {
        answer.extensions_mut().insert(entry);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn faults_of_an_endpoint_happen_in_order_and_as_often_as_asked() {
        let faults = Faults::new(0);
        faults
            .add(fault(r#"{"endpoint":"token","kind":"status","count":2}"#))
            .unwrap();
        faults
            .add(fault(r#"{"endpoint":"token","kind":"drop_after"}"#))
            .unwrap();

        let kinds: Vec<_> = std::iter::from_fn(|| faults.take(Endpoint::Token))
            .map(|occurrence| occurrence.fault.kind)
            .collect();

        assert_eq!(kinds, [Kind::Status, Kind::Status, Kind::DropAfter]);
    }

    #[test]
    fn a_fault_of_another_endpoint_waits() {
        let faults = Faults::new(0);
        faults
            .add(fault(r#"{"endpoint":"revoke","kind":"drop_before"}"#))
            .unwrap();

        assert!(faults.take(Endpoint::Token).is_none());
        assert!(faults.take(Endpoint::Revoke).is_some());
    }
}
