//! Detached work that a shutdown waits for.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep_until};
use tracing::Instrument;

const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// Keeps arithmetic with deadlines in range.
const LONGEST_DEADLINE: Duration = Duration::from_hours(24);

/// Work was still in flight when the waiting ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gave up waiting for {0}")]
pub struct Unfinished(String);

/// The tasks in flight. Clones see the same tasks.
#[derive(Clone, Debug)]
pub(crate) struct Tasks(Arc<watch::Sender<InFlight>>);

#[derive(Debug, Default)]
struct InFlight {
    last_id: u64,
    tasks: BTreeMap<u64, Task>,
}

#[derive(Debug)]
struct Task {
    name: &'static str,
    deadline: Instant,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(InFlight::default())))
    }

    pub(crate) fn spawn<F>(
        &self,
        name: &'static str,
        deadline: Duration,
        future: F,
    ) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let hold = self.hold(name, deadline);
        let work = async move {
            let _hold = hold;
            future.await
        };
        tokio::spawn(work.in_current_span())
    }

    /// Waits until nothing is in flight, or only what is past its deadline.
    pub(crate) async fn finish(&self) -> Result<(), Unfinished> {
        let mut in_flight = self.0.subscribe();
        while let Some(last_deadline) = self.last_deadline() {
            if last_deadline <= Instant::now() {
                return Err(self.unfinished());
            }
            tokio::select! {
                // Fails only without a sender, and this very value holds one.
                _ = in_flight.wait_for(|now| now.tasks.is_empty()) => {}
                () = sleep_until(last_deadline) => {}
            }
        }
        Ok(())
    }

    /// Says what is in flight, now and every few seconds, as long as something is.
    pub(crate) async fn report(&self) -> Infallible {
        let mut report = interval(REPORT_INTERVAL);
        loop {
            report.tick().await;
            if let Some(last_deadline) = self.last_deadline() {
                let left = last_deadline.saturating_duration_since(Instant::now());
                tracing::info!(
                    "waiting for {}, for at most {:.0} s more",
                    self.summary(),
                    left.as_secs_f64(),
                );
            }
        }
    }

    pub(crate) fn unfinished(&self) -> Unfinished {
        Unfinished(self.summary())
    }

    pub(crate) fn hold(&self, name: &'static str, deadline: Duration) -> Hold {
        let deadline = Instant::now() + deadline.min(LONGEST_DEADLINE);
        let mut id = 0;
        self.0.send_modify(|now| {
            now.last_id += 1;
            id = now.last_id;
            now.tasks.insert(id, Task { name, deadline });
        });
        Hold {
            tasks: self.clone(),
            id,
        }
    }

    fn last_deadline(&self) -> Option<Instant> {
        let in_flight = self.0.borrow();
        in_flight.tasks.values().map(|task| task.deadline).max()
    }

    /// Returns `2 × token exchange, 1 × revocation`.
    fn summary(&self) -> String {
        let mut counts = BTreeMap::new();
        for task in self.0.borrow().tasks.values() {
            *counts.entry(task.name).or_insert(0_u32) += 1;
        }
        let counts: Vec<_> = counts
            .into_iter()
            .map(|(name, count)| format!("{count} × {name}"))
            .collect();
        counts.join(", ")
    }
}

/// Something that a shutdown waits for, until this is dropped.
#[derive(Debug)]
pub struct Hold {
    tasks: Tasks,
    id: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.tasks.0.send_modify(|now| {
            now.tasks.remove(&self.id);
        });
    }
}
