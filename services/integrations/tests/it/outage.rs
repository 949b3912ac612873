//! Servers that the service needs go away and come back.

use std::time::Duration;

use workapi_errors::{Code, Error};
use workapi_proto::integrations::v1::{GetMeRequest, ListTokenKeysRequest};
use workapi_testkit::{Proxy, eventually};

use crate::stack::{Stack, bearing, refusal};

async fn await_readiness(stack: &Stack) {
    let health = &stack.replica.health;
    eventually("readiness", async || {
        health.report().await.ready.then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_its_database_the_service_is_unavailable_for_a_moment() {
    let proxy = Proxy::open(&workapi_testkit::postgres_url()).await;
    let stack =
        Stack::start_with(|config| config.postgres_url = proxy.lead(&config.postgres_url)).await;
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
    let proxy = Proxy::open(&workapi_testkit::nats_url()).await;
    let stack = Stack::start_with(|config| config.nats_url = proxy.lead(&config.nats_url)).await;
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
