//! The HTML pages: consent, and what went wrong.
//!
//! They are complete in themselves: no script, no font, no picture from
//! anywhere, and nobody may frame them.

use std::fmt::{self, Display, Write as _};

use aws_lc_rs::digest;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::accounts::Account;
use crate::scope::Scope;

const STYLE: &str = include_str!("page/style.css");

/// The page on which an account decides.
pub(crate) struct ConsentPage<'a> {
    /// Where the form goes.
    pub(crate) action: String,
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scope: &'a Scope,
    /// The authorization request, to be sent along with the decision.
    pub(crate) hidden_fields: Vec<(&'a str, &'a str)>,
}

impl IntoResponse for ConsentPage<'_> {
    fn into_response(self) -> Response {
        let body = format!(
            include_str!("page/consent.html"),
            action = escaped(&self.action),
            client_id = escaped(self.client_id),
            destination = escaped(&destination(self.redirect_uri)),
            hidden_fields = hidden_fields(&self.hidden_fields),
            accounts = accounts(),
            scopes = scopes(self.scope),
        );
        html(StatusCode::OK, "Allow access?", &body)
    }
}

/// A page that says what went wrong.
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) detail: &'static str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = format!(
            include_str!("page/problem.html"),
            title = escaped(self.title),
            detail = escaped(self.detail),
        );
        html(self.status, self.title, &body)
    }
}

/// Answers for a path that does not exist.
pub(crate) async fn not_found() -> Problem {
    Problem {
        status: StatusCode::NOT_FOUND,
        title: "Nothing here",
        detail: "this is the Work API sandbox, an OAuth provider for development and tests",
    }
}

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let document = format!(
        include_str!("page/frame.html"),
        title = escaped(title),
        style = STYLE,
        body = body,
    );
    // No `form-action`: browsers apply it to the redirect after the form too.
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; frame-ancestors 'none'",
        STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes())),
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Html(document)).into_response()
}

fn hidden_fields(fields: &[(&str, &str)]) -> impl Display {
    fmt::from_fn(|out| {
        fields.iter().try_for_each(|(name, value)| {
            let (name, value) = (escaped(name), escaped(value));
            writeln!(
                out,
                r#"<input type="hidden" name="{name}" value="{value}">"#
            )
        })
    })
}

fn accounts() -> impl Display {
    fmt::from_fn(|out| {
        Account::ALL
            .into_iter()
            .enumerate()
            .try_for_each(|(index, account)| {
                write!(
                    out,
                    include_str!("page/account.html"),
                    checked = if index == 0 { " checked" } else { "" },
                    initial = &account.name()[..1],
                    name = account.name(),
                    email = account.email(),
                )
            })
    })
}

fn scopes(scope: &Scope) -> impl Display {
    fmt::from_fn(|out| {
        scope.names().try_for_each(|name| {
            let (meaning, name) = (meaning(name), escaped(name));
            writeln!(out, "<li><span>{meaning}</span> <code>{name}</code></li>")
        })
    })
}

/// Says what a scope allows, for those of OpenID Connect and of our manifest.
fn meaning(scope: &str) -> &'static str {
    match scope {
        "openid" => "Know which account you are",
        "profile" => "See your name",
        "email" => "See your e-mail address",
        "offline_access" => "Stay connected",
        "mail" => "Read and send your e-mail",
        "calendar" => "See and change your calendar",
        "files" => "See and change your files",
        _ => "Use",
    }
}

/// Names the host of a redirect URI, or its scheme if it belongs to an app.
fn destination(redirect_uri: &str) -> String {
    match Url::parse(redirect_uri) {
        Ok(url) if url.has_host() => {
            url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
        }
        Ok(url) => format!("the app of {}:", url.scheme()),
        Err(_) => redirect_uri.to_owned(),
    }
}

/// Writes text so that HTML takes it as text, also between double quotes.
fn escaped(text: &str) -> impl Display {
    fmt::from_fn(move |out| {
        text.chars().try_for_each(|character| match character {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            '\'' => out.write_str("&#39;"),
            other => out.write_char(other),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place_in_the_html() {
        let text = escaped(r#""><script>'&"#).to_string();

        assert_eq!(text, "&quot;&gt;&lt;script&gt;&#39;&amp;");
    }

    #[test]
    fn the_destination_is_the_host_with_its_port() {
        assert_eq!(
            destination("http://127.0.0.1:8080/auth/callback?x=1"),
            "127.0.0.1:8080"
        );
        assert_eq!(
            destination("com.example.app:/done"),
            "the app of com.example.app:"
        );
    }
}
