//! How many token requests are under way at one time, and how many ever were.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;

#[derive(Default)]
pub(crate) struct Concurrency {
    now: AtomicU64,
    most: AtomicU64,
}

/// A request under way.
struct UnderWay<'a>(&'a Concurrency);

impl Concurrency {
    /// Returns the most requests that were under way at one time.
    pub(crate) fn most(&self) -> u64 {
        self.most.load(Relaxed)
    }

    fn enter(&self) -> UnderWay<'_> {
        let now = self.now.fetch_add(1, Relaxed) + 1;
        self.most.fetch_max(now, Relaxed);
        UnderWay(self)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Relaxed);
    }
}

/// Middleware that counts a request from its arrival to its answer, faults included.
pub(crate) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let _under_way = app.concurrency.enter();
    next.run(request).await
}
