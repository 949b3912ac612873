//! `return_to`: where a browser may be sent in the end (interfaces section 6, RFC 9700
//! section 4.11).

use url::{Host, Url, form_urlencoded};
use workapi_errors::Error;
use workapi_types::IntegrationId;

use crate::app::Outcome;
use crate::app::directory::Context;

const MAX_LENGTH: usize = 2048;

/// Checks what a client asked for, once, and returns the URL that is stored and sent; `None`
/// when nothing was asked for.
pub(super) fn check(return_to: &str, context: &Context) -> Result<Option<Url>, Error> {
    if return_to.is_empty() {
        return Ok(None);
    }
    let url = parse(return_to).map_err(|reason| {
        Error::bad_request(format!("return_to {reason}; it is an http(s) URL, or a registered URI with a private-use scheme"))
    })?;
    if is_allowed(&url, context) {
        return Ok(Some(url));
    }
    let what = if is_web(&url) {
        url.origin().ascii_serialization()
    } else {
        url.to_string()
    };
    let environment = context.environment_guid;
    Err(Error::bad_request(format!(
        "return_to is not allowed to lead to {what}; allow it with \
         `work-api admin return-origin add --environment {environment} {what}`"
    )))
}

fn parse(return_to: &str) -> Result<Url, &'static str> {
    if return_to.len() > MAX_LENGTH {
        return Err("is longer than 2048 bytes");
    }
    if return_to.chars().any(|c| c.is_control() || c == '\\') {
        return Err("holds a control character or a backslash");
    }
    let url = Url::parse(return_to).map_err(|_| "is not an absolute URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or a password");
    }
    if is_web(&url) || url.scheme().contains('.') {
        Ok(url)
    } else {
        Err("has a scheme that is not allowed")
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

fn is_allowed(url: &Url, context: &Context) -> bool {
    if !is_web(url) {
        return context
            .return_origins
            .iter()
            .any(|allowed| allowed == url.as_str());
    }
    let origin = url.origin().ascii_serialization();
    context.return_origins.contains(&origin)
        || (context.loopback_return_allowed && is_loopback(url))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Adds how an authorization ended. Our parameters replace others of the same name; the rest of
/// the query and the fragment stay as they were written.
pub(super) fn with_outcome(url: &Url, outcome: Outcome, integration_id: &IntegrationId) -> Url {
    let kept = url.query().unwrap_or_default().split('&');
    let mut query: String = kept
        .filter(|pair| !pair.is_empty() && !is_ours(pair))
        .flat_map(|pair| [pair, "&"])
        .collect();
    if outcome == Outcome::Success {
        query.push_str("status=success");
    } else {
        query.push_str("status=error&error=");
        query.push_str(outcome.as_str());
    }
    query.push_str("&integration_id=");
    query.push_str(integration_id.as_str());
    let mut url = url.clone();
    url.set_query(Some(&query));
    url
}

/// Tells whether a `name=value` of a query has the name of one of ours, however it is written.
fn is_ours(pair: &str) -> bool {
    form_urlencoded::parse(pair.as_bytes())
        .any(|(name, _)| ["status", "error", "integration_id"].contains(&name.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use workapi_proto::integrations::v1::Integration;
    use workapi_types::MediaType;

    fn context(origins: &[&str], loopback_return_allowed: bool) -> Context {
        Context {
            integration: Integration::default(),
            integration_id: "64b7f0c2a1d3e4f5a6b7c8d9".parse().unwrap(),
            user_id: "64b7f0c2a1d3e4f5a6b7c8d0".parse().unwrap(),
            environment_guid: "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10".parse().unwrap(),
            provider: "gmail".parse().unwrap(),
            media_type: MediaType::Email,
            return_origins: origins.iter().map(ToString::to_string).collect(),
            loopback_return_allowed,
        }
    }

    #[test]
    fn an_absent_return_to_is_no_return_to() {
        assert_eq!(check("", &context(&[], false)), Ok(None));
    }

    #[test]
    fn an_allowed_origin_may_have_any_path_query_and_fragment() {
        let context = context(&["https://app.example.test"], false);

        let url = check("https://app.example.test/done?a=1#top", &context)
            .unwrap()
            .unwrap();

        assert_eq!(url.as_str(), "https://app.example.test/done?a=1#top");
    }

    #[test]
    fn tricks_do_not_lead_to_another_origin() {
        let context = context(&["https://app.example.test"], false);
        for trick in [
            "https://app.example.test.evil.test/",
            "https://app.example.test@evil.test/",
            "https://app.example.test:444/",
            "http://app.example.test/",
            "https:\\\\app.example.test\\@evil.test",
            "https://app.example.test/\u{0}",
            "https://app.example.test/\r\nLocation: https://evil.test",
            "//app.example.test/",
            "/relative",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://user:pass@app.example.test/",
            "http://localhost:3000/",
        ] {
            assert!(check(trick, &context).is_err(), "{trick:?}");
        }
        let too_long = format!("https://app.example.test/{}", "a".repeat(2048));
        assert!(check(&too_long, &context).is_err());
    }

    #[test]
    fn loopback_needs_no_allowance_in_an_environment_made_by_dev() {
        let context = context(&[], true);
        for loopback in [
            "http://localhost:3000",
            "http://127.0.0.1:8080/x",
            "http://[::1]/",
        ] {
            assert!(check(loopback, &context).is_ok(), "{loopback:?}");
        }
        assert!(check("http://localhost.evil.test/", &context).is_err());
    }

    #[test]
    fn a_private_use_scheme_is_compared_whole() {
        let context = context(&["com.example.app:/done"], false);

        assert!(check("com.example.app:/done", &context).is_ok());
        assert!(check("com.example.app:/done?x=1", &context).is_err());
        assert!(check("myapp:/done", &context).is_err());
    }

    #[test]
    fn a_refusal_names_the_origin_and_the_command_that_allows_it() {
        let error =
            check("https://other.example.test/x?token=1", &context(&[], false)).unwrap_err();

        assert_eq!(
            error.specifics(),
            "return_to is not allowed to lead to https://other.example.test; allow it with \
             `work-api admin return-origin add --environment \
             3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10 https://other.example.test`"
        );
    }

    #[test]
    fn our_parameters_replace_those_of_the_same_name() {
        let url = Url::parse("https://app.example.test/?a=1&status=success&error=x#top").unwrap();
        let id = "64b7f0c2a1d3e4f5a6b7c8d9".parse().unwrap();

        let failed = with_outcome(&url, Outcome::AccessDenied, &id);
        let succeeded = with_outcome(&url, Outcome::Success, &id);

        assert_eq!(
            failed.as_str(),
            "https://app.example.test/?a=1&status=error&error=access_denied\
             &integration_id=64b7f0c2a1d3e4f5a6b7c8d9#top"
        );
        assert_eq!(
            succeeded.as_str(),
            "https://app.example.test/?a=1&status=success\
             &integration_id=64b7f0c2a1d3e4f5a6b7c8d9#top"
        );
    }

    #[test]
    fn the_rest_of_the_query_stays_as_it_was_written() {
        let url = "https://app.example.test/?a=b%20c&flag&%73tatus=x&&d=%2B#top";
        let id = "64b7f0c2a1d3e4f5a6b7c8d9".parse().unwrap();

        let url = with_outcome(&Url::parse(url).unwrap(), Outcome::Success, &id);

        assert_eq!(
            url.as_str(),
            "https://app.example.test/?a=b%20c&flag&d=%2B&status=success\
             &integration_id=64b7f0c2a1d3e4f5a6b7c8d9#top"
        );
    }
}
