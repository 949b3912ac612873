//! A wrong client secret: the operator's matter, and no user's.

use workapi_bus::Stream;
use workapi_proto::events::v1::ProviderBreakerOpened;
use workapi_sandbox::ClientChange;
use workapi_testkit::eventually;
use workapi_tests::{Options, Stack};

const ACCOUNTS: [&str; 2] = ["ann@example.test", "bo@example.test"];
const OPENED: &str = "evt.auth.provider.breaker_opened.v1";
const CLOSED: &str = "evt.auth.provider.breaker_closed.v1";

/// Returns the id of the only provider config.
async fn config_id(stack: &Stack) -> String {
    sqlx::query_scalar("SELECT id::text FROM provider_config")
        .fetch_one(stack.vault_database())
        .await
        .unwrap()
}

/// Changes the client's secret at the provider alone.
async fn change_secret(stack: &Stack) {
    stack
        .register_client(ClientChange {
            client_secret: Some("changed-at-the-provider".to_owned()),
            ..ClientChange::default()
        })
        .await;
}

async fn subjects(stack: &Stack) -> Vec<String> {
    let events = stack.messages(Stream::Events).await;
    events.into_iter().map(|event| event.subject).collect()
}

/// Waits until the metrics tell of so many open breakers; each replica counts its own view.
async fn open_breakers(stack: &Stack, expected: u64) {
    let end = format!("}} {expected}");
    eventually("the metric of the breakers", || async {
        let metrics = stack.metrics().render();
        let mut lines = metrics.lines();
        let line = lines.find(|line| line.starts_with("workapi_open_breakers{"))?;
        line.ends_with(&end).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_10_a_wrong_secret_is_one_event_for_the_operator_and_asks_no_user() {
    let options = Options {
        replicas: 2,
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let environment = stack.environment().await;
    let user = stack.application(&environment).create_user("cust-1").await;
    for number in 0..10 {
        user.connect("email", ACCOUNTS[number % 2]).await;
    }
    let config_id = config_id(&stack).await;
    change_secret(&stack).await;

    stack.make_all_due().await;
    let opened = stack.event(OPENED, &config_id).await;
    stack.make_all_due().await;
    eventually("everybody to wait for the probe", || async {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(DISTINCT integration_id)
             FROM rotation_attempt
             CROSS JOIN provider_breaker
             JOIN credential USING (integration_id)
             WHERE finished_at > opened_at AND credential.state = 'active'",
        )
        .fetch_one(stack.vault_database())
        .await
        .unwrap();
        (waiting == 10).then_some(())
    })
    .await;

    open_breakers(&stack, 2).await;
    assert!(opened.decode::<ProviderBreakerOpened>().refused_credentials >= 3);
    assert_eq!(stack.count("refreshes").await, 0);

    environment
        .set_provider("sandbox", stack.client_id(), "changed-at-the-provider")
        .await;
    stack.event(CLOSED, &config_id).await;
    stack.make_all_due().await;
    stack.at_rest(2).await;
    open_breakers(&stack, 0).await;

    let subjects = subjects(&stack).await;
    let count = |wanted: &str| subjects.iter().filter(|subject| *subject == wanted).count();
    assert_eq!((count(OPENED), count(CLOSED)), (1, 1));
    for never in ["refresh_failing", "needs_reconnect", "needs_operator"] {
        assert_eq!(
            count(&format!("evt.auth.credential.{never}.v1")),
            0,
            "{never}"
        );
    }
    assert_eq!(stack.count("reuse_detected").await, 0);
}

#[tokio::test]
async fn a_wrong_secret_with_the_only_integration_is_mended_by_the_right_one() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let user = stack.application(&environment).create_user("cust-1").await;
    let id = user.connect("email", ACCOUNTS[0]).await;
    let config_id = config_id(&stack).await;
    change_secret(&stack).await;

    stack.make_due(&id).await;
    stack.event(OPENED, &config_id).await;
    let refused = stack.credential(&id).await.unwrap();
    environment
        .set_provider("sandbox", stack.client_id(), "changed-at-the-provider")
        .await;

    assert_eq!((refused.state.as_str(), refused.failures), ("active", 0));
    // Nobody has to make it due: the changed client is tried at once.
    stack
        .credential_when(&id, "a refresh", |found| found.generation == 2)
        .await;
    stack.event(CLOSED, &config_id).await;
}
