//! Request parameters, in a query, a form or a JSON object.

use std::collections::HashMap;

use axum::http::{HeaderMap, header};
use url::form_urlencoded;

use crate::refusal::Refusal;

const REPEATED: Refusal = Refusal::InvalidRequest("a parameter is there more than once");

/// Parameters by name. One without a value counts as absent, and none may be
/// there twice (RFC 6749 sections 3.1 and 3.2).
#[derive(Default)]
pub(crate) struct Parameters(HashMap<String, String>);

impl Parameters {
    /// Reads a query or a form.
    pub(crate) fn from_form(text: &[u8]) -> Result<Self, Refusal> {
        let mut parameters = HashMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            if parameters
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(REPEATED);
            }
        }
        Ok(Self(parameters))
    }

    /// Reads a body: a form, or JSON as some providers want it.
    pub(crate) fn from_body(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let is_json = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        if is_json {
            let parsed = serde_json::from_slice(body).map(Self);
            parsed.map_err(|_| Refusal::InvalidRequest("the body is no JSON object of strings"))
        } else {
            Self::from_form(body)
        }
    }

    /// Puts the parameters of two places together.
    pub(crate) fn and(mut self, other: Self) -> Result<Self, Refusal> {
        for (name, value) in other.0 {
            if self.0.insert(name, value).is_some() {
                return Err(REPEATED);
            }
        }
        Ok(self)
    }

    /// Returns the value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Returns the value of a parameter that must be there.
    pub(crate) fn require(&self, name: &str, missing: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::InvalidRequest(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_without_a_value_is_absent() {
        let parameters = Parameters::from_form(b"code=&scope=a+b").unwrap();

        assert_eq!(parameters.get("code"), None);
        assert_eq!(parameters.get("scope"), Some("a b"));
    }

    #[test]
    fn a_repeated_parameter_is_refused() {
        let query = Parameters::from_form(b"token=a").unwrap();
        let body = Parameters::from_form(b"token=a").unwrap();

        assert!(Parameters::from_form(b"code=a&code=b").is_err());
        assert!(query.and(body).is_err());
    }
}
