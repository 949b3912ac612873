//! The product against an authorization server that this project did not write: Authlib's,
//! a provider that is new to the catalogue and described by a manifest only.

mod server;

use server::{Authlib, CLIENT_ID, CLIENT_SECRET, Kind, PROVIDER};
use url::Url;
use workapi_testkit::eventually;
use workapi_tests::{Environment, Landing, Options, Stack, UserSession};

const ANN: &str = "ann@example.test";
const BO: &str = "bo@example.test";

#[tokio::test]
async fn a_provider_that_takes_the_secret_in_the_form_is_served_from_consent_to_revocation() {
    serve_from_consent_to_revocation(Kind {
        client_auth: "post",
        id_token_alg: "RS256",
        access_token_seconds: 2,
        ..Kind::default()
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_takes_the_secret_as_basic_is_served_from_consent_to_revocation() {
    serve_from_consent_to_revocation(Kind {
        client_auth: "basic",
        id_token_alg: "ES256",
        access_token_seconds: 2,
        ..Kind::default()
    })
    .await;
}

async fn serve_from_consent_to_revocation(kind: Kind) {
    let scene = Scene::start(kind).await;
    let (authlib, user) = (&scene.authlib, &scene.user);
    let id = user.create_integration(PROVIDER, "email").await;

    let landing = user.authorize(&id, ANN).await;
    assert_success(&landing);
    assert_eq!(scene.provider_id(&id).await, ANN);
    scene.await_refreshes(2).await;

    let landing = user.authorize(&id, ANN).await;
    assert_success(&landing);
    assert_eq!(authlib.count("exchanges").await, 2);
    scene.await_refreshes(2).await;
    assert_eq!(authlib.count("revocations").await, 0);

    let deleted = user
        .call("DELETE", &format!("/integrations/{id}"), None)
        .await;
    assert_eq!(deleted.status, 204);
    eventually("the revocation", || async {
        (authlib.count("revocations").await == 1).then_some(())
    })
    .await;

    scene.stack.stop().await;
    let counters = authlib.counters().await;
    assert_eq!(counters["live_grants"], 0, "{counters}");
    assert_eq!(counters["revocations"], 1, "{counters}");
    assert_eq!(
        counters["refusals"], 0,
        "a token was spent twice: {counters}"
    );
}

#[tokio::test]
async fn the_account_is_the_one_that_userinfo_tells() {
    let scene = Scene::start(Kind {
        account_source: "userinfo",
        ..Kind::default()
    })
    .await;
    let id = scene.user.create_integration(PROVIDER, "email").await;

    let landing = scene.user.authorize(&id, BO).await;

    assert_success(&landing);
    assert_eq!(scene.provider_id(&id).await, BO);
    scene.stack.stop().await;
}

#[tokio::test]
async fn another_account_is_refused_and_the_first_one_stays() {
    let scene = Scene::start(Kind::default()).await;
    let id = scene.user.create_integration(PROVIDER, "email").await;
    assert_success(&scene.user.authorize(&id, ANN).await);

    let landing = scene.user.authorize(&id, BO).await;

    assert_error(&landing, "account_mismatch");
    assert_eq!(scene.provider_id(&id).await, ANN);
    scene.stack.stop().await;
}

#[tokio::test]
async fn a_wrong_secret_is_a_failed_exchange_until_the_operator_corrects_it() {
    for client_auth in ["post", "basic"] {
        let scene = Scene::start(Kind {
            client_auth,
            ..Kind::default()
        })
        .await;
        let id = scene.user.create_integration(PROVIDER, "email").await;

        scene.set_client_secret("another secret").await;
        assert_error(&scene.user.authorize(&id, ANN).await, "exchange_failed");
        assert_eq!(scene.authlib.count("exchanges").await, 0);

        scene.set_client_secret(CLIENT_SECRET).await;
        assert_success(&scene.user.authorize(&id, ANN).await);
        scene.stack.stop().await;
    }
}

#[tokio::test]
async fn a_user_who_says_no_is_not_connected() {
    let scene = Scene::start(Kind::default()).await;
    let id = scene.user.create_integration(PROVIDER, "email").await;
    let uri = scene.user.authorization_uri(&id).await;

    let landing = scene.user.browser().deny(&uri).await;

    assert_error(&landing, "access_denied");
    assert_eq!(scene.authlib.count("exchanges").await, 0);
    scene.stack.stop().await;
}

#[tokio::test]
async fn a_code_is_worth_nothing_without_the_verifier_that_the_product_keeps() {
    let scene = Scene::start(Kind::default()).await;
    let id = scene.user.create_integration(PROVIDER, "email").await;
    let uri = scene.user.authorization_uri(&id).await;
    let browser = scene.user.browser();
    let callback = browser.decide(&uri, "approve", ANN).await;
    let code = parameter(&callback, "code");

    let (status, answer) = scene.authlib.exchange(&code, None).await;
    assert_eq!((status, &answer["error"]), (400, &"invalid_request".into()));
    let guess = "a-verifier-of-the-right-shape-that-somebody-guessed";
    let (status, answer) = scene.authlib.exchange(&code, Some(guess)).await;
    assert_eq!((status, &answer["error"]), (400, &"invalid_grant".into()));

    assert_success(&browser.open(&callback).await);
    scene.stack.stop().await;
}

#[tokio::test]
async fn the_provider_shows_no_consent_page_without_a_challenge() {
    let scene = Scene::start(Kind::default()).await;
    let id = scene.user.create_integration(PROVIDER, "email").await;
    let uri = scene.user.authorization_uri(&id).await;

    let landing = scene.user.browser().open(&without_pkce(&uri)).await;

    assert_eq!(landing.status, 302);
    assert_eq!(
        landing.parameter("error").as_deref(),
        Some("invalid_request")
    );
    scene.stack.stop().await;
}

/// A stack with Authlib as a provider, and a user of an environment that has a client there.
struct Scene {
    authlib: Authlib,
    stack: Stack,
    environment: Environment,
    user: UserSession,
}

impl Scene {
    async fn start(kind: Kind) -> Self {
        let authlib = Authlib::start(kind).await;
        let stack = Stack::start_with(Options {
            providers_dir: Some(authlib.providers_dir()),
            ..Options::default()
        })
        .await;
        let environment = stack.environment().await;
        let application = stack.application(&environment);
        let scene = Self {
            authlib,
            user: application.create_user("cust-9041").await,
            environment,
            stack,
        };
        scene.set_client_secret(CLIENT_SECRET).await;
        scene
    }

    async fn set_client_secret(&self, secret: &str) {
        self.environment
            .set_provider(PROVIDER, CLIENT_ID, secret)
            .await;
    }

    async fn provider_id(&self, integration_id: &str) -> String {
        let path = format!("/integrations/{integration_id}");
        let shown = self.user.call("GET", &path, None).await;
        let provider_id = &shown.body["data"]["attributes"]["provider_id"];
        provider_id.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the provider has seen `more` refreshes than now.
    async fn await_refreshes(&self, more: u64) {
        let before = self.authlib.count("refreshes").await;
        eventually("the refreshes", || async {
            (self.authlib.count("refreshes").await >= before + more).then_some(())
        })
        .await;
    }
}

fn assert_success(landing: &Landing) {
    let status = landing.parameter("status");
    assert_eq!(status.as_deref(), Some("success"), "{landing:?}");
}

fn assert_error(landing: &Landing, code: &str) {
    let error = landing.parameter("error");
    assert_eq!(error.as_deref(), Some(code), "{landing:?}");
}

fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    let found = url.query_pairs().find(|(found, _)| found == name);
    found.unwrap().1.into_owned()
}

fn without_pkce(uri: &str) -> String {
    let mut uri = Url::parse(uri).unwrap();
    let kept: Vec<(String, String)> = uri
        .query_pairs()
        .filter(|(name, _)| !name.starts_with("code_challenge"))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    uri.query_pairs_mut().clear().extend_pairs(kept);
    uri.into()
}
