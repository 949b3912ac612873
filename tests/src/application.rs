//! A developer's application: it speaks the public REST API as the original SDKs do.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{Browser, Environment, Landing};

const JSON_API: &str = "application/vnd.api+json";

/// An application of one environment.
#[derive(Clone, Debug)]
pub struct Application {
    browser: Browser,
    environment: Environment,
}

/// What the gateway answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body as JSON; null when there is none.
    pub body: Value,
}

impl Answer {
    /// Sends a request and reads the whole answer.
    ///
    /// # Panics
    /// When nothing answers, or the answer is not JSON.
    pub async fn to(request: RequestBuilder) -> Self {
        let answer = request.send().await.expect("the gateway answers");
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let text = answer.text().await.expect("a body");
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text)
                .unwrap_or_else(|_| panic!("{status} with a body that is not JSON: {text}")),
        };
        Self {
            status,
            headers,
            body,
        }
    }

    /// Returns the code of the error document, or an empty string.
    pub fn error_code(&self) -> &str {
        self.body["errors"][0]["code"].as_str().unwrap_or_default()
    }

    /// Returns the detail of the error document, or an empty string.
    pub fn error_detail(&self) -> &str {
        self.body["errors"][0]["detail"]
            .as_str()
            .unwrap_or_default()
    }
}

impl Application {
    pub(crate) fn new(browser: Browser, environment: Environment) -> Self {
        Self {
            browser,
            environment,
        }
    }

    /// Returns the application as it would run against another replica of the gateway.
    #[must_use]
    pub fn with_browser(&self, browser: Browser) -> Self {
        Self {
            browser,
            environment: self.environment.clone(),
        }
    }

    /// Calls `POST /users` as the SDKs do.
    pub async fn post_user(&self, arbitrary_id: &str) -> Answer {
        let body = json!({"data": {"type": "user", "attributes": {
            "arbitrary_id": arbitrary_id, "environment_guid": self.environment.guid,
        }}});
        let request = self
            .browser
            .request("POST", "/users")
            .bearer_auth(self.environment.apt(None))
            .header("content-type", JSON_API)
            .body(body.to_string());
        Answer::to(request).await
    }

    /// Creates a user.
    ///
    /// # Panics
    /// When the gateway refuses.
    pub async fn create_user(&self, arbitrary_id: &str) -> UserSession {
        // Whoever is asked to come back later does.
        let answer = workapi_testkit::eventually("a user", || async {
            let answer = self.post_user(arbitrary_id).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        UserSession {
            browser: self.browser.clone(),
            id: answer.body["data"]["id"]
                .as_str()
                .expect("an id")
                .to_owned(),
            token: answer.body["data"]["attributes"]["token"]
                .as_str()
                .expect("a token")
                .to_owned(),
        }
    }
}

/// A user of an application, with the token that the application got for them.
#[derive(Clone, Debug)]
pub struct UserSession {
    browser: Browser,
    /// The user's id.
    pub id: String,
    /// The user token.
    pub token: String,
}

impl UserSession {
    /// Returns the user's browser.
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// Returns the session as it would go on at another replica of the gateway.
    #[must_use]
    pub fn with_browser(&self, browser: Browser) -> Self {
        Self {
            browser,
            ..self.clone()
        }
    }

    /// Calls the API with the user's token and, where one is given, a JSON:API body.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.browser.request(method, path).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request
                .header("content-type", JSON_API)
                .body(body.to_string());
        }
        Answer::to(request).await
    }

    /// Creates an integration and returns its id.
    ///
    /// # Panics
    /// When the gateway refuses.
    pub async fn create_integration(&self, provider: &str, media_type: &str) -> String {
        let body = json!({"data": {"type": "integration", "attributes": {
            "provider": provider, "media_type": media_type,
        }}});
        let answer = self.call("POST", "/integrations", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["data"]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// Starts an authorization and returns the provider's URI.
    ///
    /// # Panics
    /// When the gateway refuses.
    pub async fn authorization_uri(&self, integration_id: &str) -> String {
        self.authorization_uri_to(integration_id, "http://localhost:3000/done")
            .await
    }

    /// Starts an authorization that ends at `return_to`, or at a page of ours where that is empty.
    ///
    /// # Panics
    /// When the gateway refuses.
    pub async fn authorization_uri_to(&self, integration_id: &str, return_to: &str) -> String {
        let path = format!("/auth/init/{integration_id}?return_to={return_to}");
        let answer = self.call("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["uri"].as_str().expect("a URI").to_owned()
    }

    /// Runs a whole authorization in the user's browser.
    pub async fn authorize(&self, integration_id: &str, account: &str) -> Landing {
        let uri = self.authorization_uri(integration_id).await;
        self.browser.approve(&uri, account).await
    }

    /// Starts an authorization, approves it as `account`, and returns where the provider sends
    /// the browser back to.
    pub async fn consent(&self, integration_id: &str, account: &str) -> String {
        let uri = self.authorization_uri(integration_id).await;
        self.browser.decide(&uri, "approve", account).await
    }

    /// Creates an integration and connects it to `account`.
    ///
    /// # Panics
    /// When it does not end connected.
    pub async fn connect(&self, media_type: &str, account: &str) -> String {
        self.connect_at("sandbox", media_type, account).await
    }

    /// Creates an integration at a provider and connects it to `account`.
    ///
    /// # Panics
    /// When it does not end connected.
    pub async fn connect_at(&self, provider: &str, media_type: &str, account: &str) -> String {
        let id = self.create_integration(provider, media_type).await;
        let landing = self.authorize(&id, account).await;
        assert_eq!(landing.outcome(), "success", "{landing:?}");
        id
    }

    /// Connects an integration again.
    ///
    /// # Panics
    /// When it does not end connected.
    pub async fn reconnect(&self, integration_id: &str, account: &str) {
        let landing = self.authorize(integration_id, account).await;
        assert_eq!(landing.outcome(), "success", "{landing:?}");
    }

    /// Sends a code that a native app got, as the Android SDK does.
    pub async fn post_code(&self, integration_id: &str, code: &str) -> Answer {
        let request = self
            .browser
            .request("POST", &format!("/auth/authcode/{integration_id}"))
            .bearer_auth(&self.token)
            .form(&[("code", code)]);
        Answer::to(request).await
    }

    /// Returns the account that the API shows for an integration, null when there is none.
    ///
    /// # Panics
    /// When the gateway refuses.
    pub async fn provider_id(&self, integration_id: &str) -> Value {
        let path = format!("/integrations/{integration_id}");
        let answer = self.call("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["data"]["attributes"]["provider_id"].clone()
    }

    /// Deletes an integration.
    ///
    /// # Panics
    /// When the gateway refuses.
    pub async fn delete(&self, integration_id: &str) {
        let path = format!("/integrations/{integration_id}");
        let answer = self.call("DELETE", &path, None).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
}
