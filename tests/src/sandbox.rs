//! The sandbox provider of a stack: its clients, its faults, and what it really saw.

use serde_json::{Value, json};
use url::Url;
use workapi_sandbox::{ClientChange, Clients};

use crate::Stack;
use crate::stack::PUBLIC_URL;

/// The client that [`Stack::environment`] registers at the sandbox.
pub(crate) const CLIENT_ID: &str = "1234-stack";

/// Makes the client of the sandbox's admin API.
pub(crate) fn sandbox_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("an HTTP client")
}

impl Stack {
    /// Registers the stack's client at the sandbox, or changes it, and returns its secret.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn register_client(&self, change: ClientChange) -> String {
        self.register(CLIENT_ID, change).await
    }

    /// Registers a client that may send users back to the gateway, or changes it, and returns
    /// its secret.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn register(&self, client_id: &str, change: ClientChange) -> String {
        let change = ClientChange {
            redirect_uris: Some(vec![format!("{PUBLIC_URL}/auth/callback")]),
            ..change
        };
        self.clients()
            .put(client_id, change)
            .await
            .expect("the client is in order")
            .client_secret
    }

    /// Sets the life of the access tokens that the stack's client gets from now on.
    pub async fn set_token_life(&self, seconds: u32) {
        self.register_client(ClientChange {
            access_token_seconds: Some(seconds),
            ..ClientChange::default()
        })
        .await;
    }

    /// Returns the client id that the environments of this stack have at the sandbox.
    pub fn client_id(&self) -> &'static str {
        CLIENT_ID
    }

    /// Returns where the sandbox's authorization server is.
    pub fn sandbox_url(&self) -> &Url {
        &self.sandbox_url
    }

    /// Returns the sandbox's registry of clients.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Returns what the sandbox really saw, in total.
    ///
    /// # Panics
    /// When the sandbox does not answer.
    pub async fn counters(&self) -> Value {
        self.ask_sandbox("GET", "counters", None).await["total"].clone()
    }

    /// Returns one of the sandbox's counters.
    ///
    /// # Panics
    /// When there is no such counter.
    pub async fn count(&self, counter: &str) -> u64 {
        self.counters().await[counter].as_u64().expect("a counter")
    }

    /// Makes the sandbox fail as described (interfaces section 5).
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn inject_fault(&self, fault: &Value) {
        self.ask_sandbox("POST", "faults", Some(fault)).await;
    }

    /// Holds the next request to an endpoint up, until [`Stack::end_faults`].
    pub async fn hold_up(&self, endpoint: &str) {
        let fault = json!({"endpoint": endpoint, "kind": "delay", "delay_ms": 3_600_000});
        self.inject_fault(&fault).await;
    }

    /// Waits until every fault has begun.
    pub async fn faults_begun(&self) {
        workapi_testkit::eventually("the request that meets the fault", || async {
            let pending = self.ask_sandbox("GET", "faults", None).await;
            (pending == json!([])).then_some(())
        })
        .await;
    }

    /// Ends every fault; requests that are held up go on.
    pub async fn end_faults(&self) {
        self.ask_sandbox("DELETE", "faults", None).await;
    }

    /// Gets a code as a native app does.
    ///
    /// # Panics
    /// When the sandbox refuses.
    pub async fn mobile_code(&self, account: &str) -> String {
        let body = json!({"client_id": CLIENT_ID, "account": account});
        let answer = self.ask_sandbox("POST", "mobile-codes", Some(&body)).await;
        answer["code"].as_str().expect("a code").to_owned()
    }

    async fn ask_sandbox(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let url = self.sandbox_admin_url.join(path).expect("a valid URL");
        let method = method.parse().expect("an HTTP method");
        let mut request = self.sandbox_http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("the sandbox answers");
        assert!(answer.status().is_success(), "{}", answer.status());
        let text = answer.text().await.expect("a body");
        serde_json::from_str(&text).unwrap_or_default()
    }
}
