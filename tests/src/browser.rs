//! A user's browser: it finds the gateway, follows no redirect unasked, and can consent.

use std::net::SocketAddr;

use reqwest::{Client, RequestBuilder, Response, redirect};
use url::Url;

use crate::stack::PUBLIC_URL;

/// A browser.
#[derive(Clone, Debug)]
pub struct Browser {
    http: Client,
}

/// Where a user landed after an authorization.
#[derive(Clone, Debug)]
pub struct Landing {
    /// The HTTP status of the callback.
    pub status: u16,
    /// The headers of its answer.
    pub headers: http::HeaderMap,
    /// Where the callback sent the browser on to.
    pub location: Option<String>,
    /// The page that it showed.
    pub body: String,
}

impl Browser {
    pub(crate) fn new(gateway: SocketAddr) -> Self {
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .resolve("gateway.test", gateway)
            .build()
            .expect("an HTTP client");
        Self { http }
    }

    /// Starts a request to a path of the gateway.
    ///
    /// # Panics
    /// When the method is none.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("an HTTP method");
        self.http.request(method, format!("{PUBLIC_URL}{path}"))
    }

    /// Opens the provider's authorization page, approves as `account`, and follows the provider
    /// back to the gateway.
    ///
    /// # Panics
    /// When the provider does not show a consent form.
    pub async fn approve(&self, uri: &str, account: &str) -> Landing {
        let callback = self.decide(uri, "approve", account).await;
        self.open(&callback).await
    }

    /// Does as [`Browser::approve`] does, but says no.
    pub async fn deny(&self, uri: &str) -> Landing {
        let callback = self.decide(uri, "deny", "ann@example.test").await;
        self.open(&callback).await
    }

    /// Posts the consent form and returns where the provider sends the browser.
    ///
    /// # Panics
    /// When the provider does not show a consent form, or does not redirect.
    pub async fn decide(&self, uri: &str, decision: &str, account: &str) -> String {
        let page = self
            .http
            .get(uri)
            .send()
            .await
            .expect("the provider answers");
        let status = page.status();
        let base = page.url().clone();
        let html = page.text().await.expect("a page");
        assert!(
            status.is_success(),
            "the provider shows no consent form: {status} {html}"
        );
        let mut fields = hidden_fields(&html);
        fields.push(("decision".to_owned(), decision.to_owned()));
        fields.push(("account".to_owned(), account.to_owned()));
        let action = attribute(element(&html, "<form"), "action").expect("a form has an action");
        let action = base.join(&action).expect("an action is a URL");
        let answer = self
            .http
            .post(action)
            .form(&fields)
            .send()
            .await
            .expect("the provider answers");
        location(&answer).expect("the provider redirects")
    }

    /// Opens a page without following where it leads.
    ///
    /// # Panics
    /// When nothing answers.
    pub async fn open(&self, url: &str) -> Landing {
        let answer = self
            .http
            .get(url)
            .send()
            .await
            .expect("the gateway answers");
        Landing {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            location: location(&answer),
            body: answer.text().await.expect("a body"),
        }
    }
}

impl Landing {
    /// Returns `success` or the error code with which the browser was sent on, an empty string
    /// when it was not.
    pub fn outcome(&self) -> String {
        match self.parameter("status").as_deref() {
            Some("error") => self.parameter("error").unwrap_or_default(),
            status => status.unwrap_or_default().to_owned(),
        }
    }

    /// Returns a parameter of the address that the browser was sent on to.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let location = Url::parse(self.location.as_deref()?).ok()?;
        location
            .query_pairs()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
    }
}

fn location(answer: &Response) -> Option<String> {
    let value = answer.headers().get("location")?;
    value.to_str().ok().map(str::to_owned)
}

fn hidden_fields(html: &str) -> Vec<(String, String)> {
    html.match_indices("<input")
        .map(|(start, _)| element(&html[start..], "<input"))
        .filter(|input| attribute(input, "type").as_deref() == Some("hidden"))
        .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
        .collect()
}

fn element<'a>(html: &'a str, start: &str) -> &'a str {
    let from = html.find(start).expect("the page has the element");
    let length = html[from..].find('>').expect("the element ends");
    &html[from..from + length]
}

fn attribute(element: &str, name: &str) -> Option<String> {
    let start = element.find(&format!("{name}=\""))? + name.len() + 2;
    let length = element[start..].find('"')?;
    let value = &element[start..start + length];
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&#x27;", "'")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}
