//! The user's browser: it reads the consent page, posts its form, and follows the provider back.

use anyhow::{Context, bail};
use reqwest::header::LOCATION;
use reqwest::{Client, Response, redirect};
use url::Url;

/// A browser that stops at every redirect, to show where it leads.
pub(super) struct Browser(Client);

impl Browser {
    pub(super) fn new() -> anyhow::Result<Self> {
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy();
        Ok(Self(http.build()?))
    }

    /// Consents as `account` and returns where the browser ends up: the `return_to` of the
    /// authorization, with our outcome in its query.
    pub(super) async fn consent(&self, uri: Url, account: &str) -> anyhow::Result<Url> {
        let page = self
            .0
            .get(uri)
            .send()
            .await
            .context("the sandbox does not answer")?;
        let page_url = page.url().clone();
        let html = page.error_for_status()?.text().await?;
        let form = element(&html, "<form").context("the consent page has no form")?;
        let action = attribute(form, "action").context("the form has no action")?;
        let mut fields = hidden_fields(&html);
        fields.push(("decision".to_owned(), "approve".to_owned()));
        fields.push(("account".to_owned(), account.to_owned()));
        let posted = self
            .0
            .post(page_url.join(&action)?)
            .form(&fields)
            .send()
            .await?;
        let callback = location(&posted).context("the sandbox did not send the browser back")?;
        let landed = self.0.get(callback).send().await?;
        match location(&landed) {
            Some(url) => Ok(url),
            None => bail!("the callback answered {} and no redirect", landed.status()),
        }
    }
}

fn location(answer: &Response) -> Option<Url> {
    let location = answer.headers().get(LOCATION)?.to_str().ok()?;
    answer.url().join(location).ok()
}

fn hidden_fields(html: &str) -> Vec<(String, String)> {
    html.match_indices("<input")
        .filter_map(|(start, _)| element(&html[start..], "<input"))
        .filter(|input| attribute(input, "type").as_deref() == Some("hidden"))
        .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
        .collect()
}

fn element<'a>(html: &'a str, start: &str) -> Option<&'a str> {
    let rest = &html[html.find(start)?..];
    rest.find('>').map(|end| &rest[..end])
}

/// Returns an attribute's value; the sandbox escapes only these characters.
fn attribute(element: &str, name: &str) -> Option<String> {
    let (_, rest) = element.split_once(&format!("{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let value = value
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#39;", "'");
    Some(
        value
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}
