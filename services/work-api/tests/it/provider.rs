//! The sandbox's own side: what it does to whom, and what it saw.

use reqwest::Client;
use serde_json::{Value, json};
use url::Url;
use workapi_testkit::eventually;

use crate::dev::Dev;

/// The admin API of a sandbox.
pub(crate) struct Provider {
    http: Client,
    url: Url,
}

impl Provider {
    pub(crate) fn of(dev: &Dev) -> Self {
        Self::at(dev.json("sandbox_admin_url"))
    }

    pub(crate) fn at(url: &str) -> Self {
        Self {
            http: Client::builder().no_proxy().build().unwrap(),
            url: url.parse().unwrap(),
        }
    }

    /// Lets the token endpoint hold its next answer back, until [`Provider::release`].
    pub(crate) async fn hold_next_token(&self) {
        self.fault(json!({
            "endpoint": "token", "kind": "delay", "delay_ms": 3_600_000, "count": 1,
        }))
        .await;
    }

    /// Waits until an answer is held back.
    pub(crate) async fn holds_token(&self) {
        eventually("a request to the token endpoint", async || {
            let pending = self.http.get(self.faults()).send().await.unwrap();
            let pending: Value = pending.json().await.unwrap();
            (pending == json!([])).then_some(())
        })
        .await;
    }

    /// Lets go of what is held back.
    pub(crate) async fn release(&self) {
        let deleted = self.http.delete(self.faults()).send().await.unwrap();
        deleted.error_for_status().unwrap();
    }

    /// Lets the token endpoint refuse once.
    pub(crate) async fn refuse_next_token(&self) {
        self.fault(json!({
            "endpoint": "token", "kind": "status", "status": 503, "count": 1,
        }))
        .await;
    }

    /// Changes or makes a client, and returns it with its secret.
    pub(crate) async fn put_client(&self, client_id: &str, change: &Value) -> Value {
        let url = self.url.join(&format!("clients/{client_id}")).unwrap();
        let put = self.http.put(url).json(change).send().await.unwrap();
        put.error_for_status().unwrap().json().await.unwrap()
    }

    /// Returns how often something was seen, such as `refreshes`.
    pub(crate) async fn count(&self, what: &str) -> u64 {
        let counters = self.http.get(self.url.join("counters").unwrap()).send();
        let counters: Value = counters.await.unwrap().json().await.unwrap();
        counters["total"][what].as_u64().unwrap()
    }

    async fn fault(&self, fault: Value) {
        let posted = self.http.post(self.faults()).json(&fault);
        posted.send().await.unwrap().error_for_status().unwrap();
    }

    fn faults(&self) -> Url {
        self.url.join("faults").unwrap()
    }
}
