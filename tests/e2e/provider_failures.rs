//! A provider that fails, or keeps a user waiting, while an account is being connected.

use serde_json::json;
use workapi_testkit::eventually;
use workapi_tests::{Options, Stack};

const ANN: &str = "ann@example.test";

#[tokio::test]
async fn a_provider_that_is_down_is_told_apart_from_one_that_refuses() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let faults = [
        (json!({"status": 503}), "provider_unavailable"),
        (json!({"status": 429}), "provider_unavailable"),
        (json!({"kind": "drop_before"}), "provider_unavailable"),
        (json!({"kind": "drop_after"}), "provider_unavailable"),
        (json!({"status": 200}), "exchange_failed"),
        (
            json!({"status": 400, "error": "invalid_grant"}),
            "exchange_failed",
        ),
        (
            json!({"status": 401, "error": "invalid_client"}),
            "exchange_failed",
        ),
    ];
    for (mut fault, outcome) in faults {
        fault["endpoint"] = json!("token");
        fault["kind"] = fault.get("kind").cloned().unwrap_or(json!("status"));
        stack.inject_fault(&fault).await;

        let landing = user.authorize(&id, ANN).await;

        assert_eq!(landing.outcome(), outcome, "{fault}");
        assert_eq!(stack.credential(&id).await, None, "{fault}");
    }
    user.reconnect(&id, ANN).await;
}

#[tokio::test]
async fn a_provider_that_takes_too_long_is_given_up() {
    let options = Options {
        manifests: vec![("sandbox", "[token]\ndeadline_seconds = 1\n".to_owned())],
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    stack.hold_up("token").await;

    let landing = user.authorize(&id, ANN).await;

    assert_eq!(landing.outcome(), "provider_unavailable");
    assert_eq!(stack.credential(&id).await, None);
    stack.end_faults().await;
}

#[tokio::test]
async fn a_provider_that_does_not_say_whose_account_it_is_connects_nothing() {
    let manifest = "[account]\nsource = \"userinfo\"\n[token]\ndeadline_seconds = 1\n".to_owned();
    let options = Options {
        manifests: vec![("sandbox", manifest)],
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;

    for (status, outcome) in [
        (503, "provider_unavailable"),
        (200, "account_unknown"),
        (403, "account_unknown"),
    ] {
        stack
            .inject_fault(&json!({"endpoint": "userinfo", "kind": "status", "status": status}))
            .await;

        let landing = user.authorize(&id, ANN).await;

        assert_eq!(landing.outcome(), outcome, "{status}");
        assert_eq!(stack.credential(&id).await, None, "{status}");
    }
    user.reconnect(&id, ANN).await;
    assert_eq!(user.provider_id(&id).await, ANN);
}

#[tokio::test]
async fn a_browser_that_goes_away_during_the_exchange_does_not_stop_it() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let callback = user.consent(&id, ANN).await;
    stack.hold_up("token").await;

    let browser = user.browser().clone();
    let opened = tokio::spawn(async move { browser.open(&callback).await });
    stack.faults_begun().await;
    opened.abort();
    assert!(opened.await.unwrap_err().is_cancelled());
    stack.end_faults().await;

    eventually("the account", || async {
        (user.provider_id(&id).await == ANN).then_some(())
    })
    .await;
    assert_eq!(stack.credential(&id).await.unwrap().state, "active");
    assert_eq!(stack.count("exchanges").await, 1);
}

#[tokio::test]
async fn a_provider_that_fails_to_say_whose_account_it_is_is_asked_again() {
    let manifest = "[account]\nsource = \"userinfo\"\n".to_owned();
    let options = Options {
        manifests: vec![("sandbox", manifest)],
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let fault = json!({"endpoint": "userinfo", "kind": "status", "status": 503});
    stack.inject_fault(&fault).await;

    let landing = user.authorize(&id, ANN).await;

    assert_eq!(landing.outcome(), "success");
    assert_eq!(user.provider_id(&id).await, ANN);
}
