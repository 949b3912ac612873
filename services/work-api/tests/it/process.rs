//! A `work-api` that runs beside the test.

use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStdout};
use workapi_testkit::eventually;

/// A process whose standard error is kept. Dropping it stops it, children and all.
pub(crate) struct Process {
    child: Child,
    stderr: Arc<Mutex<String>>,
}

/// How a process ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = tokio::process::Command::from(command).spawn().unwrap();
        let stderr = Arc::default();
        tokio::spawn(drain(child.stderr.take().unwrap(), Arc::clone(&stderr)));
        Self { child, stderr }
    }

    /// Returns its standard output, once.
    pub(crate) fn take_stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap()
    }

    /// Returns what it has said so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until it has said something.
    pub(crate) async fn said(&self, what: &str) {
        eventually(what, async || self.stderr().contains(what).then_some(())).await;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for the end, and for the end of what it says.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = self.child.wait().await.unwrap();
        eventually("the end of stderr", async || {
            (Arc::strong_count(&self.stderr) == 1).then_some(())
        })
        .await;
        let stderr = self.stderr();
        Ended { status, stderr }
    }

    /// Sends a signal and waits for the end.
    pub(crate) async fn stop(self, signal: Signal) -> Ended {
        self.signal(signal);
        self.ended().await
    }
}

impl Drop for Process {
    /// A test has failed: nothing stays behind.
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while let (Ok(None), Some(_)) = (self.child.try_wait(), self.child.id()) {
            if Instant::now() > deadline {
                let _ = self.child.start_kill();
                return;
            }
            // The second one is obeyed at once.
            let _ = kill_process(self.pid(), Signal::TERM);
            std::thread::yield_now();
        }
    }
}

/// Tells whether a process still runs.
pub(crate) fn is_running(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}

async fn drain(mut from: impl AsyncRead + Unpin, to: Arc<Mutex<String>>) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let text = String::from_utf8_lossy(&bytes[..length]);
        to.lock().unwrap().push_str(&text);
    }
}
