//! Servers that the service needs go away and come back.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use workapi_errors::{Code, Error};
use workapi_proto::integrations::v1::{GetMeRequest, ListTokenKeysRequest};
use workapi_testkit::eventually;

use crate::proxy::Proxy;
use crate::stack::{Stack, bearing, refusal};

/// Opens a way to the server of a URL.
async fn proxy_of(url: &SecretString) -> Proxy {
    let url = Url::parse(url.expose_secret()).unwrap();
    Proxy::open(&format!(
        "{}:{}",
        url.host_str().unwrap(),
        url.port().unwrap()
    ))
    .await
}

/// Leads a URL through a proxy of its server.
fn lead_through(proxy: &Proxy, url: &mut SecretString) {
    let mut way = Url::parse(url.expose_secret()).unwrap();
    way.set_host(Some("127.0.0.1")).unwrap();
    way.set_port(Some(proxy.addr.port())).unwrap();
    *url = SecretString::from(String::from(way));
}

async fn await_readiness(stack: &Stack) {
    let health = &stack.replica.health;
    eventually("readiness", async || {
        health.report().await.ready.then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_its_database_the_service_is_unavailable_for_a_moment() {
    let mut proxy = proxy_of(&workapi_testkit::postgres_url()).await;
    let stack = Stack::start_with(|config| lead_through(&proxy, &mut config.postgres_url)).await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let get_me = async || {
        stack
            .users()
            .get_me(bearing(&user.token, GetMeRequest {}))
            .await
    };
    await_readiness(&stack).await;

    proxy.cut().await;

    let away = Error::unavailable("the database can't be reached", Duration::from_secs(1));
    assert_eq!(refusal(get_me().await), away);
    assert_eq!(
        refusal(stack.try_user(&developer, "bo").await).code(),
        Code::ServiceUnavailable
    );
    let report = stack.replica.health.report().await;
    assert!(
        report.failures.contains_key("integrations-postgres"),
        "{report:?}"
    );
    let keys = tonic::Request::new(ListTokenKeysRequest {});
    assert!(stack.token_keys().list_token_keys(keys).await.is_ok());

    proxy.reopen().await;
    eventually("the database's return", async || get_me().await.ok()).await;
    assert_eq!(stack.count("app_user").await, 1);
}

#[tokio::test]
async fn without_nats_the_service_goes_on_and_tells_later() {
    let mut proxy = proxy_of(&workapi_testkit::nats_url()).await;
    let stack = Stack::start_with(|config| lead_through(&proxy, &mut config.nats_url)).await;
    let developer = stack.developer().await;
    await_readiness(&stack).await;

    proxy.cut().await;

    stack.user(&developer, "ann").await;
    assert_eq!(stack.count("outbox").await, 1);
    let health = &stack.replica.health;
    eventually("the notice of the loss", async || {
        let report = health.report().await;
        report
            .failures
            .contains_key("integrations-nats")
            .then_some(())
    })
    .await;

    proxy.reopen().await;
    eventually("the publication", async || {
        (stack.count("outbox").await == 0).then_some(())
    })
    .await;
    await_readiness(&stack).await;
}
