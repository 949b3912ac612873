//! The way back to the client.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

/// Where the browser goes back to, and what it always carries there.
#[derive(Clone)]
pub(crate) struct Redirect {
    /// A registered redirect URI: ASCII, absolute, without a fragment.
    pub(super) uri: String,
    pub(super) state: Option<String>,
    pub(super) issuer: String,
}

/// A redirect of the browser.
pub(super) struct SeeOther(String);

impl Redirect {
    /// Returns the redirect URI as it was registered.
    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    /// Adds the answer, the state and the issuer (RFC 9207) to the query.
    pub(super) fn with(&self, answer: &[(&str, &str)]) -> SeeOther {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(answer);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        let separator = if self.uri.contains('?') { '&' } else { '?' };
        SeeOther(format!("{}{separator}{}", self.uri, query.finish()))
    }
}

impl IntoResponse for SeeOther {
    fn into_response(self) -> Response {
        // 303 and not 307, which would send the form along (RFC 9700 section
        // 4.12).
        let headers = [
            (header::LOCATION, self.0.as_str()),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        (StatusCode::SEE_OTHER, headers).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_the_redirect_uri_is_kept() {
        let redirect = Redirect {
            uri: "https://app.example/cb?tab=1".to_owned(),
            state: Some("a b".to_owned()),
            issuer: "http://sandbox".to_owned(),
        };

        let SeeOther(location) = redirect.with(&[("code", "x")]);

        let expected = "https://app.example/cb?tab=1&code=x&state=a+b&iss=http%3A%2F%2Fsandbox";
        assert_eq!(location, expected);
    }
}
