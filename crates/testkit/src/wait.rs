//! Waiting for a condition instead of for a time.

use std::time::Duration;

/// Generous, because it is only ever spent by a test that fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// Polls `probe` until it returns a value, and returns that.
///
/// # Panics
/// When nothing came of it for 60 seconds; `what` says what was waited for.
pub async fn eventually<T, F, Probe>(what: &str, mut probe: F) -> T
where
    F: FnMut() -> Probe,
    Probe: Future<Output = Option<T>>,
{
    let polling = async {
        loop {
            if let Some(value) = probe().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, polling)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen within {PATIENCE:?}"))
}
