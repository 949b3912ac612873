//! The running services: watched together, stopped one after the other.

use futures::future::select_all;
use tokio::task::{JoinError, JoinHandle};
use workapi_runtime::Shutdown;

/// Running services, in the order in which they stop: first whoever needs the others.
#[derive(Default)]
pub(super) struct Services(Vec<Service>);

struct Service {
    name: &'static str,
    shutdown: Shutdown,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Services {
    /// Starts a service that runs until `shutdown` drains. It stops after those before it.
    pub(super) fn start<Running>(
        &mut self,
        name: &'static str,
        shutdown: Shutdown,
        run: impl FnOnce(Shutdown) -> Running,
    ) where
        Running: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let running = tokio::spawn(run(shutdown.clone()));
        self.0.push(Service {
            name,
            shutdown,
            running,
        });
    }

    /// Resolves when a service has ended by itself, and says why: without it the others are of
    /// no use.
    pub(super) async fn failed(&mut self) -> anyhow::Error {
        let running = self.0.iter_mut().map(|service| &mut service.running);
        let (ended, index, _) = select_all(running).await;
        let name = self.0.remove(index).name;
        match failure(ended) {
            Some(error) => error.context(format!("{name} has ended")),
            None => anyhow::anyhow!("{name} has ended by itself"),
        }
    }

    /// Drains every service; stops all at once as soon as `told` says so.
    pub(super) async fn stop(self, told: &Shutdown) {
        let all: Vec<_> = self.0.iter().map(|one| one.shutdown.clone()).collect();
        let draining = async {
            for service in self.0 {
                service.drain().await;
            }
        };
        tokio::pin!(draining);
        tokio::select! {
            () = &mut draining => return,
            () = told.stopped() => all.iter().for_each(Shutdown::stop),
        }
        draining.await;
    }
}

impl Service {
    /// Waits for what is in flight, and says what that is.
    async fn drain(self) {
        self.shutdown.drain();
        let ended = tokio::select! {
            ended = self.running => ended,
            never = self.shutdown.report_tasks() => match never {},
        };
        let service = self.name;
        if let Err(unfinished) = self.shutdown.wait_for_tasks().await {
            tracing::warn!(service, %unfinished, "a service stopped without waiting any longer");
        }
        if let Some(error) = failure(ended) {
            let error = format!("{error:#}");
            tracing::error!(service, error, "a service ended with an error");
        }
    }
}

fn failure(ended: Result<anyhow::Result<()>, JoinError>) -> Option<anyhow::Error> {
    ended.map_err(anyhow::Error::from).flatten().err()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Returns a service that notes its name when it has drained.
    fn noting(
        name: &'static str,
        stopped: &Arc<Mutex<Vec<&'static str>>>,
    ) -> impl FnOnce(Shutdown) -> futures::future::BoxFuture<'static, anyhow::Result<()>> {
        let stopped = Arc::clone(stopped);
        move |shutdown| {
            Box::pin(async move {
                shutdown.draining().await;
                stopped.lock().unwrap().push(name);
                Ok(())
            })
        }
    }

    #[tokio::test]
    async fn a_service_that_fails_is_named_and_the_others_stop_in_order() {
        let stopped = Arc::default();
        let mut services = Services::default();
        services.start("gateway", Shutdown::new(), noting("gateway", &stopped));
        services.start("auth", Shutdown::new(), |_| async {
            anyhow::bail!("no such stream")
        });
        services.start("sandbox", Shutdown::new(), noting("sandbox", &stopped));

        let failed = services.failed().await;
        services.stop(&Shutdown::new()).await;

        assert_eq!(format!("{failed:#}"), "auth has ended: no such stream");
        assert_eq!(*stopped.lock().unwrap(), ["gateway", "sandbox"]);
    }

    #[tokio::test]
    async fn who_is_told_twice_waits_for_nobody() {
        let mut services = Services::default();
        services.start("auth", Shutdown::new(), |shutdown| async move {
            shutdown.stopped().await;
            Ok(())
        });
        let told = Shutdown::new();
        told.stop();

        services.stop(&told).await;
    }
}
