//! Has a drain wait for the requests that wait for a provider: cut off, the user would not learn
//! what came of a code that is used up.

use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use workapi_errors::Error as ApiError;
use workapi_runtime::Shutdown;

use super::error::Error;

/// Answers a request as tracked work of the gateway, for as long as its budget.
pub(super) async fn tracked(
    State(budget): State<Duration>,
    Extension(shutdown): Extension<Shutdown>,
    request: Request,
    next: Next,
) -> Response {
    let answer = async move { next.run(request).await };
    match shutdown
        .spawn_tracked("authorization", budget, answer)
        .await
    {
        Ok(response) => response,
        Err(_panic) => Error::from(ApiError::internal()).into_response(),
    }
}
