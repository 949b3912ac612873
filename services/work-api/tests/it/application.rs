//! A developer's application and its user's browser, as they use the public API.

use std::path::PathBuf;

use reqwest::header::LOCATION;
use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use serde_json::{Value, json};
use url::Url;

use crate::binary::{stdout, work_api};
use crate::dev::Dev;

const ACCOUNT: &str = "ann@example.test";

/// The application of one environment.
pub(crate) struct Application {
    http: Client,
    url: Url,
    environment_guid: String,
    key: PathBuf,
}

/// A user's integration with the sandbox.
pub(crate) struct Integration {
    http: Client,
    url: Url,
    token: String,
    id: String,
}

impl Application {
    /// Returns the application of the environment that a `dev` comes with.
    pub(crate) fn of(dev: &Dev) -> Self {
        Self::new(
            dev.json("url"),
            dev.json("environment_guid"),
            dev.json("private_key_path"),
        )
    }

    pub(crate) fn new(url: &str, environment_guid: &str, key: impl Into<PathBuf>) -> Self {
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy();
        Self {
            http: http.build().unwrap(),
            url: url.parse().unwrap(),
            environment_guid: environment_guid.to_owned(),
            key: key.into(),
        }
    }

    /// Asks for a new user, with a token that `work-api apt` signs.
    pub(crate) async fn create_user(&self) -> (StatusCode, Value) {
        let apt = work_api()
            .args(["apt", "--environment", &self.environment_guid, "--key"])
            .arg(&self.key)
            .output()
            .unwrap();
        let user = json!({"data": {"type": "user", "attributes": {
            "arbitrary_id": format!("user-{}", rand::random::<u64>()),
            "environment_guid": self.environment_guid,
        }}});
        let request = self.http.post(self.url.join("users").unwrap());
        answer(request.bearer_auth(stdout(&apt)).json(&user)).await
    }

    /// Creates a user with an integration that is not connected yet.
    pub(crate) async fn integration(&self) -> Integration {
        let (status, user) = self.create_user().await;
        assert_eq!(status, StatusCode::CREATED, "{user}");
        let token = user["data"]["attributes"]["token"].as_str().unwrap();
        let integration = json!({"data": {"type": "integration", "attributes": {
            "provider": "sandbox", "media_type": "email",
        }}});
        let request = self.http.post(self.url.join("integrations").unwrap());
        let (status, created) = answer(request.bearer_auth(token).json(&integration)).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        Integration {
            http: self.http.clone(),
            url: self.url.clone(),
            token: token.to_owned(),
            id: created["data"]["id"].as_str().unwrap().to_owned(),
        }
    }
}

impl Integration {
    /// Says that the API has moved.
    pub(crate) fn move_to(&mut self, url: &str) {
        self.url = url.parse().unwrap();
    }

    /// Returns its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Returns how it is doing.
    pub(crate) async fn status(&self) -> Value {
        let path = format!("integrations/{}/status", self.id);
        let (status, shown) = answer(self.get(&path)).await;
        assert_eq!(status, StatusCode::OK, "{shown}");
        shown["data"]["attributes"].clone()
    }

    /// Has the user consent at the sandbox, and returns where that sends the browser: the
    /// callback, which is not opened yet.
    pub(crate) async fn consent(&self) -> Url {
        let (_, begun) = answer(self.get(&format!("auth/init/{}", self.id))).await;
        let page = self.http.get(begun["uri"].as_str().unwrap()).send().await;
        let page = page.unwrap();
        let base = page.url().clone();
        let html = page.text().await.unwrap();
        let action = base.join(&attribute(&html, "action")).unwrap();
        let hidden = html
            .split("<input")
            .filter(|input| input.contains("type=\"hidden\""));
        let mut form: Vec<_> = hidden
            .map(|input| (attribute(input, "name"), attribute(input, "value")))
            .collect();
        form.push(("decision".to_owned(), "approve".to_owned()));
        form.push(("account".to_owned(), ACCOUNT.to_owned()));
        let posted = self.http.post(action).form(&form).send().await.unwrap();
        let callback = posted.headers()[LOCATION].to_str().unwrap();
        callback.parse().unwrap()
    }

    /// Opens a callback and returns the status of its page.
    pub(crate) async fn open(&self, callback: Url) -> reqwest::Result<StatusCode> {
        Ok(self.http.get(callback).send().await?.status())
    }

    /// Connects the integration.
    pub(crate) async fn connect(&self) {
        let callback = self.consent().await;
        assert_eq!(self.open(callback).await.unwrap(), StatusCode::OK);
    }

    /// Returns whether the integration shows the account of the user that consents.
    pub(crate) async fn is_connected(&self) -> bool {
        let (status, shown) = answer(self.get(&format!("integrations/{}", self.id))).await;
        assert_eq!(status, StatusCode::OK, "{shown}");
        shown["data"]["attributes"]["provider_id"] == ACCOUNT
    }

    fn get(&self, path: &str) -> RequestBuilder {
        let url = self.url.join(path).unwrap();
        self.http.get(url).bearer_auth(&self.token)
    }
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap())
}

/// Returns the first attribute of that name; the sandbox escapes no more than this.
fn attribute(html: &str, name: &str) -> String {
    let (_, rest) = html.split_once(&format!("{name}=\"")).unwrap();
    let (value, _) = rest.split_once('"').unwrap();
    value.replace("&amp;", "&")
}
