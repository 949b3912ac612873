//! Keeps one request from harming the others: a limit on how many are served at a time, a budget
//! of time for each, and an answer even when a handler panics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use workapi_errors::{Code, Error as ApiError};
use workapi_runtime::Deadline;

use super::error::Error;

/// The terms on which a group of routes is served.
#[derive(Clone)]
pub(super) struct Guard {
    /// How long a request may take in all; handlers find it as a [`Deadline`].
    pub(super) budget: Duration,
    /// One permit for every request that may be served at a time.
    pub(super) slots: Arc<Semaphore>,
}

/// Serves a request on the terms of its guard.
pub(super) async fn guard(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Response {
    let Ok(_slot) = guard.slots.try_acquire() else {
        return refusal(ApiError::new(
            Code::ServiceUnavailable,
            "too many requests at a time",
        ));
    };
    request
        .extensions_mut()
        .insert(Deadline::within(guard.budget));
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match timeout(guard.budget, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => {
            tracing::error!("a handler panicked");
            refusal(ApiError::internal())
        }
        Err(_elapsed) => refusal(ApiError::new(Code::Timeout, "")),
    }
}

fn refusal(error: ApiError) -> Response {
    Error::from(error).into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use http::StatusCode;
    use tower::ServiceExt;

    use super::*;

    async fn ask(path: &str) -> Response {
        let guarded = Guard {
            budget: Duration::from_secs(15),
            slots: Arc::new(Semaphore::new(1)),
        };
        let router = Router::new()
            .route("/panic", get(async || -> () { panic!("a bug") }))
            .route("/hang", get(std::future::pending::<()>))
            .layer(from_fn_with_state(guarded, guard));
        let request = Request::get(path).body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_an_error_document_like_any_other() {
        let response = ask("/panic").await;

        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let error = response.extensions().get::<ApiError>();
        assert_eq!(error.map(ApiError::code), Some(Code::Internal));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_ends_with_its_budget() {
        let response = ask("/hang").await;

        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
