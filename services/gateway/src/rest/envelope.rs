//! What every request has to fit in, and what every answer carries.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use uuid::Uuid;
use workapi_errors::{Code, Error as ApiError};

use super::error::Error;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The size of the largest target with headers that is taken, in bytes: below what the HTTP
/// server takes, whose own refusal has no body, and well above the longest token.
const LARGEST_HEAD: usize = 24 * 1024;

/// Adds to every answer the headers that do not depend on the request (contract section 2), among
/// them an id to find the request by, in the log.
pub(super) async fn envelop(request: Request, next: Next) -> Response {
    let mut response = if head_size(&request) > LARGEST_HEAD {
        let specifics = format!("at most {LARGEST_HEAD} bytes are read");
        Error::from(ApiError::new(Code::HeadersTooLarge, specifics)).into_response()
    } else {
        next.run(request).await
    };
    complete(response.headers_mut());
    response
}

fn complete(headers: &mut HeaderMap) {
    let id = Uuid::new_v4().to_string();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    // Answers belong to one user, and some hold a token (RFC 6750 section 5.3).
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

fn head_size(request: &Request) -> usize {
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let headers = request.headers().iter();
    headers.fold(target, |size, (name, value)| {
        size + name.as_str().len() + value.len()
    })
}
