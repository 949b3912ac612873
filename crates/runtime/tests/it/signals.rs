//! Signals of the operating system.

use rustix::process::{Signal, getpid, kill_process};
use workapi_runtime::Shutdown;

#[tokio::test]
async fn the_first_signal_drains_and_the_second_stops() {
    let shutdown = Shutdown::on_signals().unwrap();

    // The terminal was closed; then an operator is in a hurry.
    kill_process(getpid(), Signal::HUP).unwrap();
    shutdown.draining().await;
    let stopped_by_the_first = futures::poll!(Box::pin(shutdown.stopped())).is_ready();
    kill_process(getpid(), Signal::TERM).unwrap();

    shutdown.stopped().await;
    assert!(!stopped_by_the_first);
}
