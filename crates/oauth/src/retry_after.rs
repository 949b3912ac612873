//! The `Retry-After` header (RFC 9110 section 10.2.3).

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The longest wait that is believed. After it, asking again costs one request;
/// not asking because of an absurd header costs every credential of the provider.
const MAX: Duration = Duration::from_hours(1);

/// Reads a header value, seconds or a date; a past date means now.
pub(crate) fn parse(value: &str, now: OffsetDateTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are still a number of seconds.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = OffsetDateTime::parse(value, &Rfc2822).ok()?;
        Duration::try_from(date - now).unwrap_or_default()
    };
    (!value.is_empty()).then_some(wait.min(MAX))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 08:00:00 UTC);

    #[test]
    fn both_forms_are_understood() {
        assert_eq!(parse("120", NOW), Some(Duration::from_mins(2)));
        assert_eq!(parse(" 0 ", NOW), Some(Duration::ZERO));
        assert_eq!(
            parse("Mon, 23 Nov 2026 08:02:00 GMT", NOW),
            Some(Duration::from_mins(2))
        );
    }

    #[test]
    fn a_past_date_means_now() {
        assert_eq!(
            parse("Mon, 23 Nov 2026 07:00:00 GMT", NOW),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn an_absurd_wait_is_capped() {
        for value in [
            "86400",
            "99999999999999999999999",
            "Wed, 23 Nov 2033 08:00:00 GMT",
        ] {
            assert_eq!(parse(value, NOW), Some(MAX), "{value}");
        }
    }

    #[test]
    fn anything_else_is_ignored() {
        for value in ["", " ", "soon", "-1", "1.5", "2026-11-23T08:02:00Z"] {
            assert_eq!(parse(value, NOW), None, "{value:?}");
        }
    }
}
