//! A provider that answers what a test tells it to, and remembers the requests.

use std::collections::HashMap;

use url::form_urlencoded;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};
use workapi_oauth::{Client, HttpClient};
use workapi_providers::Manifest;
use workapi_types::ClientSecret;

pub(crate) const CLIENT_ID: &str = "client-1";
pub(crate) const TOKENS: &str = r#"{"access_token":"canary-access","token_type":"Bearer","expires_in":3600,"refresh_token":"canary-refresh","scope":"files.read"}"#;

const ACCOUNT: &str = "\n[account]\nsource = \"id_token\"\n";

pub(crate) struct Provider {
    pub(crate) server: MockServer,
    pub(crate) manifest: Manifest,
    pub(crate) client: Client,
    pub(crate) secrets: Vec<ClientSecret>,
}

impl Provider {
    /// Starts a provider whose manifest has `tables` beside the usual.
    pub(crate) async fn start(tables: &str) -> Self {
        let server = MockServer::start().await;
        Self {
            manifest: manifest(&server.uri(), tables),
            server,
            client: Client::new(HttpClient::new().unwrap()),
            secrets: vec![ClientSecret::new("canary-secret")],
        }
    }

    /// Starts a provider whose token endpoint gives this answer.
    pub(crate) async fn answering(tables: &str, status: u16, json: &str) -> Self {
        let provider = Self::start(tables).await;
        let answer = ResponseTemplate::new(status).set_body_raw(json, "application/json");
        provider.answer("/token", answer).await;
        provider
    }

    pub(crate) async fn answer(&self, endpoint: &str, answer: ResponseTemplate) {
        Mock::given(path(endpoint))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// Returns the only request that arrived.
    pub(crate) async fn request(&self) -> Request {
        let mut requests = self.server.received_requests().await.unwrap();
        assert_eq!(requests.len(), 1);
        requests.remove(0)
    }

    /// Returns the form of the only request that arrived.
    pub(crate) async fn form(&self) -> HashMap<String, String> {
        let request = self.request().await;
        assert_eq!(
            request.headers["content-type"],
            "application/x-www-form-urlencoded"
        );
        form_urlencoded::parse(&request.body).into_owned().collect()
    }
}

/// Returns the manifest of a provider at `base`.
pub(crate) fn manifest(base: &str, tables: &str) -> Manifest {
    let account = if tables.contains("[account]") {
        ""
    } else {
        ACCOUNT
    };
    let text = format!(
        r#"
        display_name = "Files"
        media_types = ["file"]
        issuer = "{base}"
        [endpoints]
        authorize = "{base}/authorize?owner=user"
        token = "{base}/token"
        userinfo = "{base}/userinfo"
        revoke = "{base}/revoke"
        jwks = "{base}/jwks"
        [scopes]
        base = ["openid"]
        file = ["files.read"]
        {account}
        {tables}
        "#
    );
    Manifest::parse("files".parse().unwrap(), &text).unwrap()
}

/// Asserts that neither the message, nor its sources, nor the debug output of an
/// error tell a secret.
#[track_caller]
pub(crate) fn assert_discreet(error: &dyn std::error::Error) {
    assert!(!format!("{error:?}").contains("canary"));
    let mut next = Some(error);
    while let Some(error) = next {
        assert!(!error.to_string().contains("canary"));
        next = error.source();
    }
}
