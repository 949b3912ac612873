//! Whether a program is ready for work.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use serde::Serialize;
use tokio::time::timeout;

const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What a program needs to be ready: its services serve, and its dependencies answer.
///
/// Readiness says whether to send work here; it is never a reason to restart a program, since a
/// restart does not repair a database. Clones are the same registry.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<Registry>>);

#[derive(Default)]
struct Registry {
    checks: BTreeMap<String, Check>,
    services: BTreeMap<&'static str, State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Serving,
    Stopped,
}

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing fails.
    pub ready: bool,
    /// What fails, by name, each with the reason.
    pub failures: BTreeMap<String, String>,
}

impl Health {
    /// Creates a registry in which nothing can fail yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a dependency, such as `postgres`. The check has two seconds to answer; an error
    /// is shown to operators as it is, and holds no secret.
    pub fn add_check<F, Fut>(&self, name: impl Into<String>, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check: Check = Arc::new(move || check().boxed());
        self.registry().checks.insert(name.into(), check);
    }

    /// Registers a service, which is starting until it says that it serves.
    pub fn add_service(&self, name: &'static str) -> ServiceHealth {
        self.set(name, State::Starting);
        ServiceHealth {
            health: self.clone(),
            name,
        }
    }

    /// Runs every check, all at once.
    pub async fn report(&self) -> Report {
        let (mut failures, checks) = {
            let registry = self.registry();
            (registry.idle_services(), registry.checks.clone())
        };
        let outcomes = checks.into_iter().map(|(name, check)| async move {
            let outcome = match timeout(CHECK_TIMEOUT, check()).await {
                Ok(outcome) => outcome,
                Err(_elapsed) => Err(format!("no answer within {CHECK_TIMEOUT:?}")),
            };
            outcome.err().map(|reason| (name, reason))
        });
        failures.extend(join_all(outcomes).await.into_iter().flatten());
        Report {
            ready: failures.is_empty(),
            failures,
        }
    }

    fn set(&self, name: &'static str, state: State) {
        self.registry().services.insert(name, state);
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").finish_non_exhaustive()
    }
}

impl Registry {
    fn idle_services(&self) -> BTreeMap<String, String> {
        let mut idle = BTreeMap::new();
        for (&name, state) in &self.services {
            let reason = match state {
                State::Starting => "starting",
                State::Serving => continue,
                State::Stopped => "stopped",
            };
            idle.insert(name.to_owned(), reason.to_owned());
        }
        idle
    }
}

/// A service's own entry in [`Health`]; dropping it says that the service has stopped.
#[derive(Debug)]
pub struct ServiceHealth {
    health: Health,
    name: &'static str,
}

impl ServiceHealth {
    /// Says that the service takes work.
    pub fn serving(&self) {
        self.health.set(self.name, State::Serving);
    }
}

impl Drop for ServiceHealth {
    fn drop(&mut self) {
        self.health.set(self.name, State::Stopped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(report: &Report) -> Vec<(&str, &str)> {
        let failures = report.failures.iter();
        failures
            .map(|(name, why)| (name.as_str(), why.as_str()))
            .collect()
    }

    #[tokio::test]
    async fn a_program_is_ready_when_its_services_serve_and_its_checks_pass() {
        let health = Health::new();
        let service = health.add_service("gateway");
        health.add_check("postgres", async || Ok(()));
        service.serving();

        let report = health.report().await;

        assert!(report.ready);
        assert_eq!(failures(&report), []);
    }

    #[tokio::test]
    async fn everything_that_fails_is_named_with_its_reason() {
        let health = Health::new();
        let _starting = health.add_service("auth");
        drop(health.add_service("gateway"));
        health.add_check("redis", async || Err("connection refused".to_owned()));

        let report = health.report().await;

        assert!(!report.ready);
        assert_eq!(
            failures(&report),
            [
                ("auth", "starting"),
                ("gateway", "stopped"),
                ("redis", "connection refused"),
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_fails() {
        let health = Health::new();
        health.add_check("nats", std::future::pending);

        let report = health.report().await;

        assert_eq!(failures(&report), [("nats", "no answer within 2s")]);
    }
}
