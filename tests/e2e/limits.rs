//! The limits of a provider, kept by all replicas together.

use std::time::Duration;

use serde_json::json;
use workapi_testkit::eventually;
use workapi_tests::{Options, Stack};

const ACCOUNTS: [&str; 2] = ["ann@example.test", "bo@example.test"];

fn replicas_with(manifest: &str) -> Options {
    Options {
        replicas: 2,
        manifests: vec![("sandbox", manifest.to_owned())],
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_08_sixty_that_are_due_at_once_never_run_more_at_one_time_than_may() {
    let options = replicas_with("[refresh]\nmax_concurrency = 2\n");
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    for number in 0..60 {
        user.connect("email", ACCOUNTS[number % 2]).await;
    }
    let slow = json!({"endpoint": "token", "kind": "delay", "delay_ms": 20, "count": 60});
    stack.inject_fault(&slow).await;

    stack.make_all_due().await;
    stack.at_rest(2).await;

    assert_eq!(stack.count("max_concurrent").await, 2);
    assert_eq!(stack.count("refreshes").await, 60);
    assert_eq!(stack.count("double_spends").await, 0);
    let metrics = stack.metrics().render();
    assert!(
        metrics.contains(r#"reason="concurrency""#),
        "some were put off"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_09_a_provider_that_asks_for_peace_gets_it_from_all_credentials() {
    let stack = Stack::start_with(replicas_with("")).await;
    let user = stack.user().await;
    let told = user.connect("email", ACCOUNTS[0]).await;
    let other = user.connect("email", ACCOUNTS[1]).await;
    let fault = json!({
        "endpoint": "token", "kind": "status", "status": 429, "retry_after_seconds": 600,
    });
    stack.inject_fault(&fault).await;
    stack.make_due(&told).await;
    stack
        .credential_when(&told, "a failed refresh", |found| found.failures == 1)
        .await;

    stack.make_due(&other).await;
    let peace = eventually("a rest", || async {
        let due_in = stack.due_in(&other).await;
        (due_in > Duration::from_mins(1)).then_some(due_in)
    })
    .await;

    assert!(peace > Duration::from_secs(500), "{peace:?}");
    let untouched = stack.credential(&other).await.unwrap();
    assert_eq!(
        (untouched.state.as_str(), untouched.failures),
        ("active", 0)
    );
    assert_eq!(untouched.generation, 1);
    assert_eq!(stack.count("refreshes").await, 0);
}
