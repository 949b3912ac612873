//! The public REST API, as a developer's application calls it.

use anyhow::{Context, bail};
use jsonwebtoken::EncodingKey;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use url::Url;
use workapi_types::{Clock, EnvironmentGuid};

use crate::commands::apt;
use crate::dev_json::DevJson;

/// A client of the public API in the demo's environment.
pub(super) struct Api {
    http: Client,
    base: Url,
    environment_guid: EnvironmentGuid,
    key: EncodingKey,
}

impl Api {
    pub(super) fn new(dev: &DevJson, guid: &str, key: EncodingKey) -> anyhow::Result<Self> {
        Ok(Self {
            http: Client::builder().no_proxy().build()?,
            base: dev.url.clone(),
            environment_guid: guid.parse()?,
            key,
        })
    }

    /// Creates a user with an APT, and returns the user's id and token.
    pub(super) async fn create_user(&self, arbitrary_id: &str) -> anyhow::Result<(String, String)> {
        let now = Clock::system().unix_seconds();
        let apt = apt::sign(
            &apt::Claims::new(self.environment_guid, None, now, 60),
            &self.key,
        )?;
        let body = json!({"data": {"type": "user", "attributes": {
            "arbitrary_id": arbitrary_id, "environment_guid": self.environment_guid,
        }}});
        let request = self.request(Method::POST, "users", &apt)?;
        let created = self.send(request.json(&body), StatusCode::CREATED).await?;
        let token = text(&created["data"]["attributes"]["token"])?;
        Ok((text(&created["data"]["id"])?, token))
    }

    /// Creates an integration with the sandbox and returns its id.
    pub(super) async fn create_integration(&self, token: &str) -> anyhow::Result<String> {
        let body = json!({"data": {"type": "integration", "attributes": {
            "provider": "sandbox", "media_type": "email",
        }}});
        let request = self.request(Method::POST, "integrations", token)?;
        let created = self.send(request.json(&body), StatusCode::CREATED).await?;
        text(&created["data"]["id"])
    }

    /// Starts an authorization and returns the provider's address for the browser.
    pub(super) async fn authorization_uri(&self, token: &str, id: &str) -> anyhow::Result<Url> {
        let path = format!("auth/init/{id}?return_to=http://localhost/done");
        let request = self.request(Method::GET, &path, token)?;
        let started = self.send(request, StatusCode::OK).await?;
        Ok(Url::parse(&text(&started["uri"])?)?)
    }

    /// Returns the account that an integration is connected to, if it is.
    pub(super) async fn provider_id(
        &self,
        token: &str,
        id: &str,
    ) -> anyhow::Result<Option<String>> {
        let path = format!("integrations/{id}");
        let request = self.request(Method::GET, &path, token)?;
        let shown = self.send(request, StatusCode::OK).await?;
        Ok(shown["data"]["attributes"]["provider_id"]
            .as_str()
            .map(str::to_owned))
    }

    /// Deletes an integration.
    pub(super) async fn delete_integration(&self, token: &str, id: &str) -> anyhow::Result<()> {
        let path = format!("integrations/{id}");
        let request = self.request(Method::DELETE, &path, token)?;
        self.send(request, StatusCode::NO_CONTENT).await.map(drop)
    }

    fn request(&self, method: Method, path: &str, bearer: &str) -> anyhow::Result<RequestBuilder> {
        let request = self.http.request(method, self.base.join(path)?);
        // `json` leaves a content type that is there already.
        Ok(request
            .header(CONTENT_TYPE, "application/vnd.api+json")
            .bearer_auth(bearer))
    }

    async fn send(&self, request: RequestBuilder, expected: StatusCode) -> anyhow::Result<Value> {
        let request = request.build()?;
        let what = format!("{} {}", request.method(), request.url().path());
        let answer = self.http.execute(request).await;
        let answer = answer.with_context(|| format!("{what} was not answered"))?;
        let status = answer.status();
        let text = answer.text().await?;
        if status != expected {
            bail!("{what} answered {status} instead of {expected}: {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }
}

fn text(value: &Value) -> anyhow::Result<String> {
    Ok(value
        .as_str()
        .context("the answer lacks a member")?
        .to_owned())
}
