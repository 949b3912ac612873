//! The error answers of the protocol.

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::Error;

/// Keeps answers with secrets, and those about them, out of every cache.
pub(crate) const NO_STORE: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::PRAGMA, "no-cache"),
];

/// A refusal as RFC 6749 sections 4.1.2.1 and 5.2 write it; the text is its
/// `error_description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    InvalidRequest(&'static str),
    InvalidClient,
    InvalidGrant(&'static str),
    InvalidScope(&'static str),
    UnsupportedGrantType,
    UnsupportedResponseType,
    ServerError,
}

impl Refusal {
    /// Logs an error of our own and refuses without saying more.
    #[expect(clippy::needless_pass_by_value, reason = "fits `map_err`")]
    pub(crate) fn internal(error: Error) -> Self {
        error.log();
        Self::ServerError
    }

    /// Returns the `error` code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant(_) => "invalid_grant",
            Self::InvalidScope(_) => "invalid_scope",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::ServerError => "server_error",
        }
    }

    /// Returns the `error_description`, for people.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(text) | Self::InvalidGrant(text) | Self::InvalidScope(text) => {
                text
            }
            Self::InvalidClient => "the client is unknown or did not authenticate",
            Self::UnsupportedGrantType => "grant_type must be authorization_code or refresh_token",
            Self::UnsupportedResponseType => "response_type must be code",
            Self::ServerError => "the sandbox could not store or sign its answer",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({
            "error": self.code(),
            "error_description": self.description(),
        }));
        let response = (self.status(), NO_STORE, body);
        if self == Self::InvalidClient {
            let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"sandbox\"")];
            return (challenge, response).into_response();
        }
        response.into_response()
    }
}
