//! Reads the bodies of requests, with their limits.

use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use workapi_errors::{Code, Error};

/// The size of the largest body that is read, in bytes (interfaces section 6).
pub(crate) const LIMIT: usize = 1024 * 1024;

/// What a body has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// JSON:API or plain JSON; the header may be missing.
    Json,
    /// The fields of a form.
    Form,
}

impl MediaType {
    /// Returns whether a request with these headers claims to carry such a body.
    ///
    /// Parameters such as a charset do not matter.
    fn is_claimed_by(self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::CONTENT_TYPE);
        let essence = value.map_or(Some(""), |value| {
            let essence = value.to_str().ok()?.split(';').next()?;
            Some(essence.trim())
        });
        let Some(essence) = essence else { return false };
        let accepted: &[&str] = match self {
            Self::Json => &["", "application/vnd.api+json", "application/json"],
            Self::Form => &["application/x-www-form-urlencoded"],
        };
        accepted
            .iter()
            .any(|name| name.eq_ignore_ascii_case(essence))
    }
}

/// Reads the whole body of a request.
///
/// # Errors
///
/// Refuses a body of another media type or above the limit, and one that breaks off.
pub(crate) async fn read(request: Request, media_type: MediaType) -> Result<Bytes, Error> {
    if !media_type.is_claimed_by(request.headers()) {
        return Err(Error::new(Code::UnsupportedMediaType, accepted(media_type)));
    }
    if announced_length(request.headers()).is_some_and(|length| length > LIMIT as u64) {
        return Err(too_large());
    }
    match Limited::new(request.into_body(), LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Error::bad_request("the body broke off")),
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn accepted(media_type: MediaType) -> &'static str {
    match media_type {
        MediaType::Json => "send application/vnd.api+json or application/json",
        MediaType::Form => "send application/x-www-form-urlencoded",
    }
}

fn too_large() -> Error {
    Error::new(
        Code::PayloadTooLarge,
        format!("at most {LIMIT} bytes are read"),
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn claims(media_type: MediaType, content_type: &'static str) -> bool {
        let value = HeaderValue::from_static(content_type);
        media_type.is_claimed_by(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)]))
    }

    #[test]
    fn json_may_come_with_parameters_or_without_a_header() {
        assert!(claims(
            MediaType::Json,
            "application/vnd.api+json; ext=\"x\""
        ));
        assert!(claims(MediaType::Json, "Application/JSON;charset=utf-8"));
        assert!(MediaType::Json.is_claimed_by(&HeaderMap::new()));
        assert!(!claims(MediaType::Json, "application/jsonp"));
        assert!(!claims(MediaType::Json, "text/plain"));
    }

    #[test]
    fn a_form_has_to_say_that_it_is_one() {
        assert!(claims(
            MediaType::Form,
            "application/x-www-form-urlencoded; charset=utf-8"
        ));
        assert!(!claims(MediaType::Form, "application/vnd.api+json"));
        assert!(!MediaType::Form.is_claimed_by(&HeaderMap::new()));
    }
}
