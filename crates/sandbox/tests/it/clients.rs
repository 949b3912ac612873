//! How clients authenticate, and registering them in process.

use reqwest::header;
use workapi_sandbox::{ClientChange, Config, Error, RotationClass, Sandbox};

use crate::provider::{BASIC_DEMO, Provider, SECRET, assert_refused, client};

const REFRESH: [(&str, &str); 2] = [("grant_type", "refresh_token"), ("refresh_token", "x")];

#[tokio::test]
async fn a_client_may_authenticate_with_basic() {
    let provider = Provider::start().await;
    let url = provider.url.join("/token").unwrap();
    let request = provider.http.post(url).form(&REFRESH);

    let response = request
        .header(header::AUTHORIZATION, BASIC_DEMO)
        .send()
        .await
        .unwrap();

    assert_refused(response, 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_wrong_missing_or_unknown_client_is_challenged() {
    let provider = Provider::start().await;

    for credentials in [
        vec![("client_id", "demo"), ("client_secret", "wrong")],
        vec![("client_id", "demo")],
        vec![("client_id", "unknown"), ("client_secret", SECRET)],
        vec![],
    ] {
        let form: Vec<_> = REFRESH.into_iter().chain(credentials).collect();
        let response = provider.unauthenticated_token(&form).await;

        assert_eq!(
            response.headers()[header::WWW_AUTHENTICATE],
            "Basic realm=\"sandbox\""
        );
        assert_refused(response, 401, "invalid_client").await;
    }
}

#[tokio::test]
async fn a_public_client_names_itself_only() {
    let mut public = client("demo", RotationClass::D);
    public.client_secret = String::new();
    let provider = Provider::start_with(vec![public]).await;
    let form: Vec<_> = REFRESH.into_iter().chain([("client_id", "demo")]).collect();

    let response = provider.unauthenticated_token(&form).await;

    assert_refused(response, 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_client_can_be_registered_in_process() {
    let sandbox = Sandbox::build(Config::default()).await.unwrap();
    let clients = sandbox.clients();
    let change = ClientChange {
        rotation_class: Some(RotationClass::B),
        ..ClientChange::default()
    };

    let made = clients.put("demo", change).await.unwrap();
    let kept = clients.put("demo", ClientChange::default()).await.unwrap();

    assert_eq!(made.rotation_class, RotationClass::B);
    assert_eq!(made.client_secret.len(), 43);
    assert_eq!(kept, made);
}

#[tokio::test]
async fn an_invalid_seed_client_stops_the_start() {
    let mut seed = client("demo", RotationClass::D);
    seed.redirect_uris = vec!["/relative".to_owned()];
    let config = Config {
        seed_clients: vec![seed],
        ..Config::default()
    };

    let error = Sandbox::build(config).await.err().unwrap();

    assert!(matches!(error, Error::SeedClient { client_id, .. } if client_id == "demo"));
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let provider = Provider::start().await;
    let listen = provider.url.socket_addrs(|| None).unwrap()[0];
    let config = Config {
        listen,
        ..Config::default()
    };

    let error = Sandbox::build(config).await.err().unwrap();

    let expected = format!("failed to bind the sandbox's public listener to {listen}");
    assert_eq!(error.to_string(), expected);
}
