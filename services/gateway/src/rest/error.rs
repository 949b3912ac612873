//! Errors as the contract's error document (section 3.3).

use std::error::Error as _;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::{ToResponse, ToSchema};
use workapi_errors::{Code, Error as ApiError};

use super::json_api::JsonApi;

/// When a client may try again if nobody says otherwise.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request gets no resource.
///
/// The response keeps the [`workapi_errors::Error`] as an extension, for the log and for the
/// callback, which answers with a page instead.
#[derive(Debug)]
pub(crate) struct Error {
    error: ApiError,
    challenge: Option<&'static str>,
}

impl Error {
    /// Makes the error for a request without a bearer, whose challenge carries no error code
    /// (RFC 6750 section 3.1).
    pub(crate) fn no_bearer() -> Self {
        let error = ApiError::invalid_token("the request has no bearer token");
        Self {
            error,
            challenge: Some("Bearer"),
        }
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let challenge = match error.code() {
            Code::InvalidToken => Some(r#"Bearer error="invalid_token""#),
            Code::RemoteAuthorizationMissing => Some("Bearer"),
            _ => None,
        };
        let error = match error.code() {
            Code::ServiceUnavailable | Code::Timeout | Code::RateLimitExceeded
                if error.retry_after().is_none() =>
            {
                error.with_retry_after(DEFAULT_RETRY_AFTER)
            }
            _ => error,
        };
        Self { error, challenge }
    }
}

impl From<tonic::Status> for Error {
    /// Restores what a service raised. A status with a source was never sent by a service: the
    /// call itself failed.
    fn from(status: tonic::Status) -> Self {
        let error = match (status.source(), status.code()) {
            (None, _) | (_, tonic::Code::Cancelled | tonic::Code::DeadlineExceeded) => {
                ApiError::from(status)
            }
            (Some(source), _) => {
                tracing::warn!(error = source, "failed to call a service");
                ApiError::new(Code::ServiceUnavailable, "")
            }
        };
        Self::from(error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let Self { error, challenge } = self;
        let document = JsonApi(ErrorDocument::from(&error));
        let mut response = (error.code().http_status(), document).into_response();
        let headers = response.headers_mut();
        if let Some(challenge) = challenge {
            let challenge = HeaderValue::from_static(challenge);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(delay) = error.retry_after() {
            headers.insert(header::RETRY_AFTER, delay_seconds(delay));
        }
        response.extensions_mut().insert(error);
        response
    }
}

/// Refuses a method that the path has not; axum adds the `Allow` header.
pub(super) async fn method_not_allowed() -> Error {
    ApiError::new(Code::MethodNotAllowed, "").into()
}

/// Refuses a path that leads nowhere.
pub(super) async fn not_found() -> Error {
    ApiError::not_found("no such route").into()
}

/// Returns the `Retry-After` of a delay: whole seconds, never too early, at least one
/// (RFC 9110 section 10.2.3).
pub(crate) fn delay_seconds(delay: Duration) -> HeaderValue {
    let started_second = u64::from(delay.subsec_nanos() > 0);
    HeaderValue::from((delay.as_secs() + started_second).max(1))
}

/// The answer to a request that could not be served.
#[derive(Serialize, ToSchema, ToResponse)]
#[response(
    description = "The request could not be served; `code` says why",
    content_type = "application/vnd.api+json"
)]
pub(crate) struct ErrorDocument {
    /// Always exactly one element.
    #[schema(min_items = 1, max_items = 1)]
    errors: [ErrorObject; 1],
}

/// Why a request could not be served.
#[derive(Serialize, ToSchema)]
struct ErrorObject {
    #[schema(schema_with = code_schema)]
    code: &'static str,
    /// What went wrong, for people: a fixed sentence, a colon, and words that may be empty.
    #[schema(example = "the remote resource could not be found: ")]
    detail: String,
}

fn code_schema() -> Object {
    let codes = Code::ALL.iter().map(|code| code.as_str());
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("What went wrong, for programs."))
        .enum_values(Some(codes))
        .build()
}

impl From<&ApiError> for ErrorDocument {
    fn from(error: &ApiError) -> Self {
        let object = ErrorObject {
            code: error.code().as_str(),
            detail: error.to_string(),
        };
        Self { errors: [object] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_never_told_to_come_back_too_early() {
        for (milliseconds, seconds) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2")] {
            let value = delay_seconds(Duration::from_millis(milliseconds));

            assert_eq!(value, seconds);
        }
    }

    #[test]
    fn a_call_that_did_not_reach_its_service_is_to_be_retried() {
        let status = tonic::Status::from_error("connection reset".into());

        let response = Error::from(status).into_response();

        assert_eq!(response.status(), http::StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
