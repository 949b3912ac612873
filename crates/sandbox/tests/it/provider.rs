//! A running sandbox, and the steps that most tests share.

use std::collections::HashMap;

use reqwest::redirect::Policy;
use reqwest::{Response, header};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use workapi_sandbox::{Client, Config, Control, RotationClass, Sandbox};
use workapi_types::Clock;

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:9/auth/callback";
pub(crate) const SECRET: &str = "s:cr+t%";
/// `demo` and its secret, form-encoded and then base64.
pub(crate) const BASIC_DEMO: &str = "Basic ZGVtbzpzJTNBY3IlMkJ0JTI1";
/// The vector of RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const ANN: &str = "ann@example.test";

/// A sandbox that runs until it is dropped.
pub(crate) struct Provider {
    pub(crate) url: Url,
    pub(crate) admin_url: Url,
    pub(crate) issuer: String,
    pub(crate) http: reqwest::Client,
    pub(crate) clock: Clock,
    pub(crate) control: Control,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

/// A client of the given class with a known secret.
pub(crate) fn client(client_id: &str, class: RotationClass) -> Client {
    let mut client = Client::new(client_id);
    client.client_secret = SECRET.to_owned();
    client.redirect_uris = vec![REDIRECT_URI.to_owned()];
    client.rotation_class = class;
    client
}

/// The parameters of an authorization request that the sandbox accepts.
pub(crate) fn request() -> Vec<(&'static str, &'static str)> {
    vec![
        ("client_id", "demo"),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "openid email offline_access"),
        ("state", "st&te=1"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

/// The same with one parameter replaced, or left out with an empty value.
pub(crate) fn request_with(
    name: &'static str,
    value: &'static str,
) -> Vec<(&'static str, &'static str)> {
    let mut parameters = request();
    parameters.retain(|(known, _)| *known != name);
    if !value.is_empty() {
        parameters.push((name, value));
    }
    parameters
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Provider {
    /// Runs a sandbox with the client `demo` of class D.
    pub(crate) async fn start() -> Self {
        Self::start_with(vec![client("demo", RotationClass::D)]).await
    }

    /// Runs a sandbox with these clients and a clock that stands still.
    pub(crate) async fn start_with(seed_clients: Vec<Client>) -> Self {
        Self::start_configured(Config {
            seed_clients,
            clock: Clock::fixed(Clock::system().now()),
            ..Config::default()
        })
        .await
    }

    pub(crate) async fn start_configured(config: Config) -> Self {
        let clock = config.clock.clone();
        let sandbox = Sandbox::build(config).await.unwrap();
        let (url, admin_url) = (sandbox.url().clone(), sandbox.admin_url().clone());
        let issuer = sandbox.issuer().to_owned();
        let control = sandbox.control();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let task = tokio::spawn(async move { sandbox.run(stop).await.unwrap() });
        let http = reqwest::Client::builder().redirect(Policy::none());
        Self {
            url,
            admin_url,
            issuer,
            http: http.build().unwrap(),
            clock,
            control,
            shutdown,
            task,
        }
    }

    /// Stops it, and returns when nothing of it runs any more.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        (&mut self.task).await.unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http
            .get(self.url.join(path).unwrap())
            .send()
            .await
            .unwrap()
    }

    /// Opens the consent page.
    pub(crate) async fn ask(&self, parameters: &[(&str, &str)]) -> Response {
        let mut url = self.url.join("/authorize").unwrap();
        url.query_pairs_mut().extend_pairs(parameters);
        self.http.get(url).send().await.unwrap()
    }

    /// Opens the consent page and posts its form as a browser would.
    pub(crate) async fn decide(
        &self,
        parameters: &[(&str, &str)],
        decision: &str,
        account: &str,
    ) -> Response {
        let page = self.ask(parameters).await.text().await.unwrap();
        let mut form = hidden_fields(&page);
        form.push(("decision".to_owned(), decision.to_owned()));
        form.push(("account".to_owned(), account.to_owned()));
        let action = between(&page, "action=\"", "\"").unwrap();
        self.http.post(action).form(&form).send().await.unwrap()
    }

    /// Approves as Ann and returns the code.
    pub(crate) async fn code(&self, parameters: &[(&str, &str)]) -> String {
        self.code_of(parameters, ANN).await
    }

    pub(crate) async fn code_of(&self, parameters: &[(&str, &str)], account: &str) -> String {
        let response = self.decide(parameters, "approve", account).await;
        let mut answer = answer_in_redirect(&response);
        answer.remove("code").unwrap()
    }

    /// Sends a token request, with the secret in the body.
    pub(crate) async fn token(&self, client_id: &str, form: &[(&str, &str)]) -> Response {
        let mut form = form.to_vec();
        form.extend([("client_id", client_id), ("client_secret", SECRET)]);
        self.unauthenticated_token(&form).await
    }

    pub(crate) async fn unauthenticated_token(&self, form: &[(&str, &str)]) -> Response {
        let url = self.url.join("/token").unwrap();
        self.http.post(url).form(form).send().await.unwrap()
    }

    pub(crate) async fn exchange(&self, client_id: &str, code: &str) -> Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.token(client_id, &form).await
    }

    /// Connects Ann to a client and returns the token answer.
    pub(crate) async fn connect(&self, client_id: &'static str) -> Value {
        self.connect_as(client_id, ANN).await
    }

    pub(crate) async fn connect_as(&self, client_id: &'static str, account: &str) -> Value {
        let code = self
            .code_of(&request_with("client_id", client_id), account)
            .await;
        let response = self.exchange(client_id, &code).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    pub(crate) async fn refresh(&self, client_id: &str, tokens: &Value) -> Response {
        let token = tokens["refresh_token"].as_str().unwrap();
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token(client_id, &form).await
    }

    /// Refreshes where it must succeed.
    pub(crate) async fn refreshed(&self, client_id: &str, tokens: &Value) -> Value {
        let response = self.refresh(client_id, tokens).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// Refreshes where it must be refused with `invalid_grant`.
    pub(crate) async fn refresh_refused(&self, client_id: &str, tokens: &Value) {
        let response = self.refresh(client_id, tokens).await;
        assert_refused(response, 400, "invalid_grant").await;
    }

    /// Revokes a token without authenticating.
    pub(crate) async fn revoke(&self, token: &Value) -> Response {
        let form = [("token", token.as_str().unwrap())];
        let url = self.url.join("/revoke").unwrap();
        self.http.post(url).form(&form).send().await.unwrap()
    }

    pub(crate) async fn userinfo(&self, tokens: &Value) -> Response {
        let url = self.url.join("/userinfo").unwrap();
        let token = tokens["access_token"].as_str().unwrap();
        self.http.get(url).bearer_auth(token).send().await.unwrap()
    }

    pub(crate) async fn counters(&self) -> Value {
        let url = self.admin_url.join("/counters").unwrap();
        let response = self.http.get(url).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// Asserts some of the counters of a client.
    pub(crate) async fn assert_counters(&self, client_id: &str, expected: Value) {
        let counters = self.counters().await["clients"][client_id].clone();
        for (name, count) in expected.as_object().unwrap() {
            assert_eq!(counters[name], *count, "{name} in {counters}");
        }
    }

    pub(crate) async fn post_admin(&self, path: &str, body: &Value) -> Response {
        let url = self.admin_url.join(path).unwrap();
        self.http.post(url).json(body).send().await.unwrap()
    }

    pub(crate) async fn add_fault(&self, fault: Value) {
        let response = self.post_admin("/faults", &fault).await;
        assert_eq!(response.status(), 201);
    }

    pub(crate) async fn put_client(&self, client_id: &str, change: &Value) -> Response {
        let url = self
            .admin_url
            .join(&format!("/clients/{client_id}"))
            .unwrap();
        self.http.put(url).json(change).send().await.unwrap()
    }

    pub(crate) async fn mobile_code(&self) -> String {
        let body = json!({ "client_id": "demo", "account": ANN });
        let response = self.post_admin("/mobile-codes", &body).await;
        let answer: Value = response.json().await.unwrap();
        answer["code"].as_str().unwrap().to_owned()
    }
}

/// Asserts an error answer of RFC 6749 section 5.2.
pub(crate) async fn assert_refused(response: Response, status: u16, error: &str) {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"], error, "{body}");
    assert!(body["error_description"].is_string(), "{body}");
}

/// Returns what a redirect back to the client carries.
pub(crate) fn answer_in_redirect(response: &Response) -> HashMap<String, String> {
    assert_eq!(response.status(), 303);
    let location = response.headers()[header::LOCATION].to_str().unwrap();
    assert!(
        location.starts_with(&format!("{REDIRECT_URI}?")),
        "{location}"
    );
    Url::parse(location)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect()
}

fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let fields = page.split("<input type=\"hidden\" ").skip(1);
    fields
        .map(|field| {
            let name = between(field, "name=\"", "\"").unwrap();
            (name, between(field, "value=\"", "\"").unwrap())
        })
        .collect()
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    let (found, _) = rest.split_once(end)?;
    let entities = [
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let unescape = |text: String, (entity, character)| text.replace(entity, character);
    Some(entities.into_iter().fold(found.to_owned(), unescape))
}
