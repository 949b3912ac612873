//! What may be allowed as `return_to`: origins, and exact URIs with a private-use scheme.

use url::Url;
use workapi_errors::Error;

/// The longest `return_to`, in bytes (interfaces section 6).
const MAX_LENGTH: usize = 2048;

/// An allowed `return_to`, in the form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReturnOrigin(String);

impl ReturnOrigin {
    /// Reads an http(s) origin, which is normalised (RFC 6454 section 6.2), or an exact URI
    /// whose private-use scheme contains a dot (RFC 8252 section 7.1).
    ///
    /// # Errors
    /// A 400 that names what is allowed.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        Self::read(text).ok_or_else(|| {
            Error::bad_request(
                "origin must be an http or https origin without user, path or query, such as \
                 https://app.example.test, or a URI with a private-use scheme that contains a \
                 dot, such as com.example.app:/done",
            )
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn read(text: &str) -> Option<Self> {
        // The URL parser repairs what browsers repair. Here it is an operator's mistake.
        let is_plain = text
            .chars()
            .all(|c| c != '\\' && !c.is_control() && !c.is_whitespace());
        if !is_plain || text.len() > MAX_LENGTH {
            return None;
        }
        let url = Url::parse(text).ok()?;
        match url.scheme() {
            "http" | "https" => {
                is_bare_origin(text, &url).then(|| url.origin().ascii_serialization())
            }
            scheme => (scheme.contains('.') && !has_user(&url)).then(|| url.to_string()),
        }
        .map(Self)
    }
}

fn is_bare_origin(text: &str, url: &Url) -> bool {
    let rest = text.get(url.scheme().len()..).unwrap_or_default();
    rest.starts_with("://")
        && !rest.contains('@')
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_normalised() {
        for (given, normal) in [
            ("https://App.Example.TEST", "https://app.example.test"),
            ("https://app.example.test:443/", "https://app.example.test"),
            (
                "http://app.example.test:8080",
                "http://app.example.test:8080",
            ),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(ReturnOrigin::parse(given).unwrap().as_str(), normal);
        }
    }

    #[test]
    fn a_private_use_uri_is_kept_whole() {
        for uri in ["com.example.app:/done", "com.example.app://oauth/done?x=1"] {
            assert_eq!(ReturnOrigin::parse(uri).unwrap().as_str(), uri);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let too_long = format!("com.example.app:/{}", "a".repeat(2048));
        for text in [
            "",
            "app.example.test",
            "https://",
            "https:app.example.test",
            "https://app.example.test/done",
            "https://app.example.test?x",
            "https://app.example.test#",
            "https://ann@app.example.test",
            "https://@app.example.test",
            "https://app.example.test\\",
            " https://app.example.test",
            "https://app.exa\tmple.test",
            "ftp://app.example.test",
            "javascript:alert(1)",
            "myapp:/done",
            "com.example.app://ann:secret@oauth/done",
            &too_long,
        ] {
            assert!(ReturnOrigin::parse(text).is_err(), "{text:?}");
        }
    }
}
