//! URLs that secrets may be sent to.

use serde::Deserialize;
use url::{Host, Url};

/// A URL that is `https://`, or `http://` to a loopback host.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct SecureUrl {
    text: String,
    url: Url,
}

impl SecureUrl {
    /// Returns the parsed URL.
    pub(super) fn into_url(self) -> Url {
        self.url
    }

    /// Returns the URL as it was written, for comparison as a string.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

impl TryFrom<String> for SecureUrl {
    type Error = InvalidUrl;

    fn try_from(text: String) -> Result<Self, InvalidUrl> {
        let url = Url::parse(&text).map_err(|_| InvalidUrl::Form)?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(InvalidUrl::Part);
        }
        if !is_secure(&url) {
            return Err(InvalidUrl::Insecure);
        }
        Ok(Self { text, url })
    }
}

fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

/// Why a text is not such a URL.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidUrl {
    #[error("must be an absolute URL")]
    Form,
    #[error("must be a URL without a user, a password and a fragment")]
    Part,
    #[error("must be an https:// URL; http:// is allowed for loopback hosts only")]
    Insecure,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Option<InvalidUrl> {
        SecureUrl::try_from(text.to_owned()).err()
    }

    #[test]
    fn http_is_for_loopback_hosts_only() {
        for text in [
            "https://accounts.example.com/token?a=b",
            "http://localhost:1/",
            "http://127.0.0.1:1",
            "http://127.9.9.9/",
            "http://[::1]:1/token",
        ] {
            assert_eq!(check(text), None, "{text}");
        }
        for text in [
            "http://accounts.example.com/token",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
            "ftp://accounts.example.com/",
            "urn:example:token",
        ] {
            assert_eq!(check(text), Some(InvalidUrl::Insecure), "{text}");
        }
    }

    #[test]
    fn a_url_with_more_than_an_address_is_refused() {
        for text in [
            "https://user@accounts.example.com/",
            "https://:secret@accounts.example.com/",
            "https://accounts.example.com/#token",
        ] {
            assert_eq!(check(text), Some(InvalidUrl::Part), "{text}");
        }
        for text in ["", "/token", "{sandbox}/token", "accounts.example.com"] {
            assert_eq!(check(text), Some(InvalidUrl::Form), "{text}");
        }
    }
}
