//! What the text of a setting must look like. Every refusal says what is allowed.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};
use url::Url;

use crate::settings::LogFormat;

/// Shorter tokens can be guessed; ours have 256 random bits.
const MIN_TOKEN_CHARS: usize = 32;

pub(crate) fn listen_address<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(from)?;
    match text.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) => Err(D::Error::custom(format!(
            "\"{text}\" is not an IP address with a port, such as 127.0.0.1:8080 or [::]:8080"
        ))),
    }
}

/// Takes a count: text, as every variable of the environment is, or a number in a file.
pub(crate) fn count<'de, D: Deserializer<'de>, N: From<NonZeroU16>>(
    from: D,
) -> Result<N, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(i64),
        Text(String),
    }
    let text = match Written::deserialize(from)? {
        Written::Number(number) => number.to_string(),
        Written::Text(text) => text,
    };
    match text.parse::<NonZeroU16>() {
        Ok(count) => Ok(count.into()),
        Err(_) => Err(D::Error::custom(format!(
            "\"{text}\" is not a whole number from 1 to {}",
            u16::MAX
        ))),
    }
}

/// Takes an http or https URL without a query or a fragment.
pub(crate) fn web_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(from)?;
    match Url::parse(&text) {
        Ok(url) if is_plain_web_url(&url) => Ok(Some(url)),
        // The text stays out of the message: it may hold a password.
        _ => Err(D::Error::custom(
            "not an http:// or https:// URL without user, query and fragment",
        )),
    }
}

fn is_plain_web_url(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

pub(crate) fn postgres_url<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<SecretString>, D::Error> {
    server_urls(from, &["postgres", "postgresql"])
}

pub(crate) fn redis_url<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<SecretString>, D::Error> {
    server_urls(from, &["redis", "rediss"])
}

pub(crate) fn nats_urls<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(from)?;
    for one in text.split(',') {
        check_server_url(one.trim(), &["nats", "tls"]).map_err(D::Error::custom)?;
    }
    Ok(Some(text.into()))
}

fn server_urls<'de, D: Deserializer<'de>>(
    from: D,
    schemes: &[&str],
) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(from)?;
    check_server_url(&text, schemes).map_err(D::Error::custom)?;
    Ok(Some(text.into()))
}

fn check_server_url(text: &str, schemes: &[&str]) -> Result<(), String> {
    match Url::parse(text) {
        Ok(url) if schemes.contains(&url.scheme()) && url.has_host() => Ok(()),
        _ => Err(format!(
            "not a URL that starts with {}:// and names a host",
            schemes.join(":// or ")
        )),
    }
}

/// Takes what is valid in a NATS subject token, a stream name and a Redis key alike.
pub(crate) fn prefix<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.len() <= 64 && text.chars().all(is_allowed) {
        Ok(text)
    } else {
        Err(D::Error::custom(
            "a prefix has at most 64 letters, digits, - and _",
        ))
    }
}

pub(crate) fn token<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(from)?;
    let is_header_safe = text.chars().all(|c| c.is_ascii_graphic());
    if is_header_safe && text.len() >= MIN_TOKEN_CHARS {
        Ok(Some(text.into()))
    } else {
        Err(D::Error::custom(format!(
            "a token has at least {MIN_TOKEN_CHARS} visible ASCII characters, such as those of `openssl rand -hex 32`"
        )))
    }
}

/// Takes a number with a unit: `90s`, `15m`, `12h`, `28d`.
pub(crate) fn lifetime<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    parse_duration(&text)
        .filter(|lifetime| !lifetime.is_zero())
        .ok_or_else(|| {
            D::Error::custom(format!(
                "\"{text}\" is not a duration above zero, such as 90s, 15m, 12h or 28d"
            ))
        })
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds_in_unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let count: u32 = count.parse().ok()?;
    Some(Duration::from_secs(u64::from(count) * seconds_in_unit))
}

pub(crate) fn log_format<'de, D: Deserializer<'de>>(from: D) -> Result<LogFormat, D::Error> {
    let text = String::deserialize(from)?;
    match text.as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(D::Error::custom(format!("\"{text}\" is not text or json"))),
    }
}

#[expect(
    clippy::ref_option,
    reason = "serde passes a reference to the whole field"
)]
pub(crate) fn hidden<S: Serializer>(
    secret: &Option<SecretString>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) if secret.expose_secret().is_empty() => to.serialize_some(""),
        Some(_) => to.serialize_some("(hidden)"),
        None => to.serialize_none(),
    }
}

pub(crate) fn in_seconds<S: Serializer>(lifetime: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{}s", lifetime.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_a_whole_number() {
        assert_eq!(parse_duration("28d"), Some(Duration::from_hours(672)));
        assert_eq!(parse_duration("90s"), Some(Duration::from_secs(90)));

        for refused in ["", "s", "28", "1.5h", "-1s", "28 d", "1w", "1ü"] {
            assert_eq!(parse_duration(refused), None, "{refused}");
        }
    }
}
