//! The page that a person sees at the end of an authorization: self-contained, not to be framed,
//! cached or indexed, and without a word from the provider.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_STANDARD, Engine};
use http::{StatusCode, header};
use sha2::{Digest, Sha256};
use workapi_proto::auth::v1::AuthorizationOutcome as Outcome;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const CHECK_MARK: &str = r#"<path d="m15 25 6 6 12-13"/>"#;
const EXCLAMATION_MARK: &str = r#"<path d="M24 13v14m0 7v.5"/>"#;

/// Allows the style of the page and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// A page that says how an authorization ended and what to do next.
#[derive(Debug)]
pub(super) struct Page {
    status: StatusCode,
    words: Words,
    provider: String,
}

/// What a page says. `{provider}` stands for the provider's display name.
#[derive(Debug)]
struct Words {
    title: &'static str,
    text: &'static str,
    next: &'static str,
}

impl Page {
    /// Tells how an authorization ended. The provider's name may be empty.
    pub(super) fn of_outcome(outcome: Outcome, provider: &str) -> Self {
        let status = match outcome {
            Outcome::Success => StatusCode::OK,
            _ => StatusCode::BAD_REQUEST,
        };
        let provider = if provider.is_empty() {
            "the provider"
        } else {
            provider
        };
        Self {
            status,
            words: words(outcome),
            provider: provider.to_owned(),
        }
    }

    /// Tells that the authorization could not be finished now, for no fault of the user.
    pub(super) fn unavailable() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            words: Words {
                title: "Not finished yet",
                text: "Something on our side is not available right now.",
                next: "Reload this page in a moment. If it then says that the link has expired, \
                       go back to the app and connect again.",
            },
            provider: String::new(),
        }
    }

    fn render(&self) -> String {
        let (tone, icon) = match self.status {
            StatusCode::OK => ("connected", CHECK_MARK),
            _ => ("problem", EXCLAMATION_MARK),
        };
        let provider = escape(&self.provider);
        let named = |text: &str| text.replace("{provider}", &provider);
        TEMPLATE
            .replace("{{style}}", STYLE)
            .replace("{{tone}}", tone)
            .replace("{{icon}}", icon)
            .replace("{{title}}", &named(self.words.title))
            .replace("{{text}}", &named(self.words.text))
            .replace("{{next}}", &named(self.words.next))
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ];
        (self.status, headers, self.render()).into_response()
    }
}

fn words(outcome: Outcome) -> Words {
    const CONNECT_AGAIN: &str = "Go back to the app and connect again.";
    const TELL_SUPPORT: &str =
        "Go back to the app and connect again. If it fails again, tell the people who run the app.";
    let (title, text, next) = match outcome {
        Outcome::Success => (
            "{provider} is connected",
            "The app can use this account now.",
            "You can close this window and go back to the app.",
        ),
        Outcome::AccessDenied => (
            "Not connected",
            "You said no to the request at {provider}, so nothing was connected.",
            "If you change your mind, go back to the app and connect again.",
        ),
        Outcome::InvalidState => (
            "This link has expired",
            "It was used already, or it is more than ten minutes old.",
            CONNECT_AGAIN,
        ),
        Outcome::InvalidRequest | Outcome::Unspecified => (
            "This link does not work",
            "It does not carry an answer that makes sense.",
            CONNECT_AGAIN,
        ),
        Outcome::IssuerMismatch => (
            "Not connected",
            "The answer did not come from {provider}. To keep you safe, nothing was connected.",
            TELL_SUPPORT,
        ),
        Outcome::ExchangeFailed => (
            "Not connected",
            "{provider} did not let us finish the connection.",
            TELL_SUPPORT,
        ),
        Outcome::NoRefreshToken => (
            "Not connected",
            "{provider} did not give lasting access to the account.",
            "Remove the app from the connected apps in your {provider} account, then connect \
             again and agree to everything that is asked.",
        ),
        Outcome::AccountMismatch => (
            "This is a different account",
            "The app had another {provider} account here, and it stays as it was.",
            "Connect again and choose the same account as before, or add this one to the app \
             as a new connection.",
        ),
        Outcome::AccountUnknown => (
            "Not connected",
            "{provider} did not say whose account it is.",
            "Connect again and agree to share your e-mail address or profile.",
        ),
        Outcome::IntegrationDeleted => (
            "This connection was deleted",
            "It was removed from the app in the meantime, so nothing was connected.",
            "To use this account, add it to the app as a new connection.",
        ),
        Outcome::ProviderUnavailable => (
            "Not connected",
            "{provider} can't be reached right now.",
            "Wait a few minutes, then go back to the app and connect again.",
        ),
        Outcome::ProviderError => (
            "Not connected",
            "{provider} reported a problem.",
            TELL_SUPPORT,
        ),
    };
    Words { title, text, next }
}

/// Makes text safe between tags and inside quoted attributes of HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_the_page() {
        let page = Page::of_outcome(Outcome::Success, r#"<script src="x">&'"#);

        let html = page.render();

        assert!(html.contains("&lt;script src=&quot;x&quot;&gt;&amp;&#39; is connected"));
        assert!(!html.contains("<script"));
    }

    #[test]
    fn every_outcome_has_words_for_every_place() {
        for number in 0.. {
            let Ok(outcome) = Outcome::try_from(number) else {
                break;
            };
            let html = Page::of_outcome(outcome, "").render();

            let braces = STYLE.matches('{').count();
            assert_eq!(html.matches('{').count(), braces, "{outcome:?}");
            for (start, end) in [
                ("<title>", "</title>"),
                ("<h1>", "</h1>"),
                ("<p>", "</p>"),
                ("<p class=\"next\">", "</p>"),
            ] {
                assert!(html.contains(start), "{outcome:?}");
                assert!(!html.contains(&format!("{start}{end}")), "{outcome:?}");
            }
        }
    }
}
