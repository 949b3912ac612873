//! How a program is told to stop, and what it waits for.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::tasks::{Hold, Tasks, Unfinished};

/// How long requests that are being answered may take once nothing else is waited for.
const REQUEST_GRACE: Duration = Duration::from_secs(3);

/// Tells the parts of a program to stop, in two steps, and counts its detached work.
///
/// *Drain*: take no new work, finish what has begun. *Stop*: end at once. Clones are the same
/// shutdown.
#[derive(Clone, Debug)]
pub struct Shutdown {
    drain: CancellationToken,
    stop: CancellationToken,
    tasks: Tasks,
}

impl Shutdown {
    /// Creates a shutdown that begins when [`Shutdown::drain`] is called.
    pub fn new() -> Self {
        Self {
            drain: CancellationToken::new(),
            stop: CancellationToken::new(),
            tasks: Tasks::new(),
        }
    }

    /// Creates a shutdown for `main`: the first SIGTERM, SIGINT (Ctrl-C) or SIGHUP (the terminal
    /// was closed) drains, the second stops.
    ///
    /// # Errors
    ///
    /// The operating system refuses the signal handlers.
    pub fn on_signals() -> io::Result<Self> {
        let mut signals = Signals::catch()?;
        let shutdown = Self::new();
        let signalled = shutdown.clone();
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!("told to stop: draining");
            signalled.drain();
            tokio::select! {
                () = signals.next() => {
                    tracing::warn!("told to stop a second time: stopping at once");
                    signalled.stop();
                }
                never = signalled.report_tasks() => match never {},
            }
        });
        Ok(shutdown)
    }

    /// Begins the drain.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Ends everything at once; also the last step of an orderly shutdown, which ends what serves
    /// throughout a drain ([`serve_metrics`](crate::serve_metrics)).
    pub fn stop(&self) {
        self.drain.cancel();
        self.stop.cancel();
    }

    /// Returns whether the drain, or more, has begun.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Returns a token that is cancelled when the drain begins, for who knows nothing of programs.
    pub fn drain_token(&self) -> CancellationToken {
        self.drain.child_token()
    }

    /// Resolves when the drain begins: loops that take work end here.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Resolves when everything has to end at once.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Spawns work that outlives its caller and that the shutdown waits for, such as a token
    /// exchange.
    ///
    /// Nothing aborts it: a caller that drops the handle only stops watching. The `name` says what
    /// a drain waits for, the `deadline` (counted from now) for how long; the future itself has to
    /// keep it. It runs in the current span.
    pub fn spawn_tracked<F>(
        &self,
        name: &'static str,
        deadline: Duration,
        future: F,
    ) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.tasks.spawn(name, deadline, future)
    }

    /// Makes the shutdown wait for something that the caller does, until the hold is dropped.
    ///
    /// The `name` says what a drain waits for, the `deadline` (counted from now) for how long.
    pub fn hold(&self, name: &'static str, deadline: Duration) -> Hold {
        self.tasks.hold(name, deadline)
    }

    /// Logs every few seconds which tracked work is waited for; never resolves. Whoever drains
    /// polls it meanwhile; [`Shutdown::on_signals`] does so by itself.
    pub async fn report_tasks(&self) -> Infallible {
        self.tasks.report().await
    }

    /// Waits for the tracked work, each until its deadline: a service does before it lets go of
    /// what the work needs.
    ///
    /// # Errors
    ///
    /// Work was left behind: its deadline has passed, or [`Shutdown::stop`] was called.
    pub async fn wait_for_tasks(&self) -> Result<(), Unfinished> {
        tokio::select! {
            biased;
            result = self.tasks.finish() => result,
            () = self.stopped() => Err(self.tasks.unfinished()),
        }
    }

    /// Resolves when a draining server has to cut the requests that it still answers: they may
    /// wait for tracked work, and a little longer to deliver its result.
    pub(crate) async fn cut_off(&self) {
        self.draining().await;
        let graceful = async {
            // What is left behind is no reason to wait for its request any longer.
            let _ = self.tasks.finish().await;
            tokio::time::sleep(REQUEST_GRACE).await;
        };
        tokio::select! {
            () = graceful => {}
            () = self.stopped() => {}
        }
    }
}

/// The signals that ask a program to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_drain_waits_for_tracked_work() {
        let shutdown = Shutdown::new();
        let (finish, finished) = oneshot::channel::<()>();
        let task = shutdown.spawn_tracked("token exchange", LONG, async { finished.await.is_ok() });
        shutdown.drain();
        let mut waiting = Box::pin(shutdown.wait_for_tasks());
        assert!(futures::poll!(&mut waiting).is_pending());

        finish.send(()).unwrap();

        assert_eq!(waiting.await, Ok(()));
        assert!(task.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn work_past_its_deadline_is_named_and_left() {
        let shutdown = Shutdown::new();
        for _ in 0..2 {
            shutdown.spawn_tracked("token exchange", LONG, std::future::pending::<()>());
        }

        let error = shutdown.wait_for_tasks().await.unwrap_err();

        assert_eq!(error.to_string(), "gave up waiting for 2 × token exchange");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_waiting_at_once() {
        let shutdown = Shutdown::new();
        shutdown.spawn_tracked("revocation", LONG, std::future::pending::<()>());
        let start = tokio::time::Instant::now();

        shutdown.stop();
        let error = shutdown.wait_for_tasks().await.unwrap_err();

        assert_eq!(error.to_string(), "gave up waiting for 1 × revocation");
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_panics_is_not_waited_for() {
        let shutdown = Shutdown::new();
        let task = shutdown.spawn_tracked("token exchange", LONG, async { panic!("a bug") });

        assert_eq!(shutdown.wait_for_tasks().await, Ok(()));
        assert!(task.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_cut_a_while_after_the_last_tracked_work() {
        let shutdown = Shutdown::new();
        let work = tokio::time::sleep(Duration::from_secs(20));
        shutdown.spawn_tracked("token exchange", LONG, work);
        let start = tokio::time::Instant::now();

        shutdown.drain();
        shutdown.cut_off().await;

        assert_eq!(start.elapsed(), Duration::from_secs(20) + REQUEST_GRACE);
    }
}
