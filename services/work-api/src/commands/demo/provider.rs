//! The sandbox's own side: a client for the demo, and what the provider really saw of it.

use anyhow::{Context, anyhow};
use reqwest::Client;
use serde_json::{Value, json};
use url::Url;

use crate::dev_json::DevJson;

/// Short, so that nobody waits long for a refresh.
const ACCESS_TOKEN_SECONDS: u32 = 6;

/// The demo's client at the sandbox.
pub(super) struct Provider {
    http: Client,
    admin_url: Url,
    client_id: String,
    client_secret: String,
}

impl Provider {
    /// Registers a new client whose tokens live for seconds.
    pub(super) async fn register(dev: &DevJson) -> anyhow::Result<Self> {
        let http = Client::builder().no_proxy().build()?;
        let client_id = format!("demo-{:08x}", rand::random::<u32>());
        let url = dev
            .sandbox_admin_url
            .join(&format!("clients/{client_id}"))?;
        let client = json!({
            "redirect_uris": [dev.url.join("auth/callback")?],
            "rotation_class": "D",
            "access_token_seconds": ACCESS_TOKEN_SECONDS,
        });
        let answer = http.put(url).json(&client).send().await;
        let answer = answer.map_err(|_| {
            let url = &dev.sandbox_url;
            anyhow!("nothing answers at the sandbox {url}: is the dev still running?")
        })?;
        let answer = answer.error_for_status()?;
        let registered: Value = answer.json().await?;
        let secret = registered["client_secret"].as_str();
        Ok(Self {
            http,
            admin_url: dev.sandbox_admin_url.clone(),
            client_id,
            client_secret: secret
                .context("the sandbox answered no client secret")?
                .to_owned(),
        })
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// Returns how often the provider saw something of this client, such as `refreshes`.
    pub(super) async fn count(&self, what: &str) -> anyhow::Result<u64> {
        let answer = self
            .http
            .get(self.admin_url.join("counters")?)
            .send()
            .await?;
        let counters: Value = answer.error_for_status()?.json().await?;
        let count = &counters["clients"][&self.client_id][what];
        count
            .as_u64()
            .with_context(|| format!("the sandbox does not count {what}"))
    }
}
