//! The parameters of a query or a form, as the SDKs and providers really send them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Parameters in `application/x-www-form-urlencoded` form, decoded only when asked for, so that
/// a parameter that nobody knows never matters.
pub(crate) struct Parameters<'a>(&'a str);

/// A parameter that has no single value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// It came more than once.
    #[error("the parameter {0} came more than once")]
    Repeated(&'static str),
    /// Its bytes are not UTF-8.
    #[error("the parameter {0} is not UTF-8")]
    NotUtf8(&'static str),
}

impl From<Malformed> for super::error::Error {
    fn from(malformed: Malformed) -> Self {
        workapi_errors::Error::bad_request(malformed.to_string()).into()
    }
}

impl<'a> Parameters<'a> {
    /// Takes the raw query of a URI or the raw body of a form.
    pub(crate) fn new(encoded: &'a str) -> Self {
        Self(encoded)
    }

    /// Returns the value of a parameter, `None` when it is absent.
    ///
    /// A `%` that begins no escape stands for itself: the Kotlin SDK does not encode.
    pub(crate) fn get(&self, name: &'static str) -> Result<Option<String>, Malformed> {
        let mut values = self
            .0
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .filter(|(key, _)| decode(key).is_some_and(|key| key == name))
            .map(|(_, value)| value);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Malformed::Repeated(name));
        }
        match decode(value) {
            Some(value) => Ok(Some(value)),
            None => Err(Malformed::NotUtf8(name)),
        }
    }
}

fn decode(encoded: &str) -> Option<String> {
    let spaced = encoded.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok();
    decoded.map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_may_be_raw_or_encoded() {
        assert_eq!(
            Parameters::new("ids[]=a").get("ids[]"),
            Ok(Some("a".into()))
        );
        assert_eq!(
            Parameters::new("ids%5B%5D=a").get("ids[]"),
            Ok(Some("a".into()))
        );
    }

    #[test]
    fn an_absent_parameter_differs_from_an_empty_one() {
        let parameters = Parameters::new("code=&state");

        assert_eq!(parameters.get("code"), Ok(Some(String::new())));
        assert_eq!(parameters.get("state"), Ok(Some(String::new())));
        assert_eq!(parameters.get("error"), Ok(None));
        assert_eq!(Parameters::new("").get("code"), Ok(None));
    }

    #[test]
    fn values_are_decoded_and_a_lone_percent_sign_stands_for_itself() {
        let parameters = Parameters::new("a=x%20y+z&b=100%&c=%C3%A9&d=1=2");

        assert_eq!(parameters.get("a"), Ok(Some("x y z".into())));
        assert_eq!(parameters.get("b"), Ok(Some("100%".into())));
        assert_eq!(parameters.get("c"), Ok(Some("é".into())));
        assert_eq!(parameters.get("d"), Ok(Some("1=2".into())));
    }

    #[test]
    fn a_parameter_without_one_clear_value_is_malformed() {
        let parameters = Parameters::new("code=1&c%6Fde=2&state=%ff&%ff=x");

        assert_eq!(parameters.get("code"), Err(Malformed::Repeated("code")));
        assert_eq!(parameters.get("state"), Err(Malformed::NotUtf8("state")));
        assert_eq!(parameters.get("iss"), Ok(None));
    }
}
