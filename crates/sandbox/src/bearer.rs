//! Access tokens in the `Authorization` header (RFC 6750).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Why an access token was not accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unauthorized {
    /// There is none: a challenge without an error code (section 3.1).
    Missing,
    /// It is unknown, expired or revoked.
    InvalidToken,
}

/// Returns the access token; one in the query or the body does not count.
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, Unauthorized> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or(Unauthorized::Missing)
}

impl IntoResponse for Unauthorized {
    fn into_response(self) -> Response {
        let challenge = match self {
            Self::Missing => "Bearer realm=\"sandbox\"",
            Self::InvalidToken => {
                "Bearer realm=\"sandbox\", error=\"invalid_token\", \
                 error_description=\"the access token is unknown, expired or revoked\""
            }
        };
        let challenge = [(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge),
        )];
        (StatusCode::UNAUTHORIZED, challenge).into_response()
    }
}
