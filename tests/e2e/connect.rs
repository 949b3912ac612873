//! Connecting an integration through the browser, and how that can end.

use serde_json::json;
use workapi_sandbox::ClientChange;
use workapi_testkit::eventually;
use workapi_tests::{Options, Stack};

const ANN: &str = "ann@example.test";
const BO: &str = "bo@example.test";

/// Makes the sandbox forget to give a refresh token, as some providers do after the first time.
async fn give_no_refresh_token(stack: &Stack) {
    stack
        .register_client(ClientChange {
            issue_refresh_token: Some(false),
            ..ClientChange::default()
        })
        .await;
}

#[tokio::test]
async fn an_account_is_connected_and_refreshed_and_its_end_reaches_the_provider() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    stack.set_token_life(2).await;

    let id = user.connect("email", ANN).await;

    assert_eq!(user.provider_id(&id).await, ANN);
    eventually("two refreshes", || async {
        (stack.count("refreshes").await >= 2).then_some(())
    })
    .await;

    user.delete(&id).await;

    eventually("the revocation", || async {
        (stack.count("revocations").await == 1).then_some(())
    })
    .await;
    stack.stop().await;
}

#[tokio::test]
async fn a_user_who_says_no_comes_back_with_access_denied() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let uri = user.authorization_uri(&id).await;

    let landing = user.browser().deny(&uri).await;

    assert_eq!(landing.status, 303);
    let expected =
        format!("http://localhost:3000/done?status=error&error=access_denied&integration_id={id}");
    assert_eq!(landing.location.as_deref(), Some(expected.as_str()));
    assert_eq!(stack.credential(&id).await, None);
    assert_eq!(stack.count("exchanges").await, 0);
}

#[tokio::test]
async fn without_an_address_to_return_to_the_user_sees_a_page_of_ours() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;

    let refused = user.authorization_uri_to(&id, "").await;
    let refused = user.browser().deny(&refused).await;
    let connected = user.authorization_uri_to(&id, "").await;
    let connected = user.browser().approve(&connected, ANN).await;

    assert_eq!((refused.status, refused.location), (400, None));
    assert!(refused.body.contains("You said no"), "{}", refused.body);
    assert_eq!((connected.status, connected.location), (200, None));
    assert!(
        connected.body.contains("Sandbox is connected"),
        "{}",
        connected.body
    );
    assert_eq!(connected.headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn connecting_the_same_account_again_keeps_the_integration_and_brings_a_new_grant() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let first = stack.refresh(&id).await;

    user.reconnect(&id, ANN).await;

    let second = stack.credential(&id).await.unwrap();
    assert!(second.grant_id > first.grant_id);
    assert_eq!((second.generation, second.state.as_str()), (1, "active"));
    assert_eq!(user.provider_id(&id).await, ANN);
    // The old grant must not be revoked: at a provider, that might end the new one.
    assert_eq!(stack.count("revocations").await, 0);
    stack.refresh(&id).await;
}

#[tokio::test]
async fn another_account_than_the_connected_one_is_refused_and_changes_nothing() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let before = stack.credential(&id).await;

    let landing = user.authorize(&id, BO).await;

    assert_eq!(landing.outcome(), "account_mismatch");
    assert_eq!(stack.credential(&id).await, before);
    assert_eq!(user.provider_id(&id).await, ANN);
}

#[tokio::test]
async fn a_missing_refresh_token_is_told_now_and_nothing_is_stored() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    give_no_refresh_token(&stack).await;

    let landing = user.authorize(&id, ANN).await;

    assert_eq!(landing.outcome(), "no_refresh_token");
    assert_eq!(stack.credential(&id).await, None);
    assert!(user.provider_id(&id).await.is_null());
}

#[tokio::test]
async fn a_missing_refresh_token_is_no_loss_while_a_live_one_is_stored() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let first = stack.credential(&id).await.unwrap();
    give_no_refresh_token(&stack).await;

    user.reconnect(&id, ANN).await;

    let second = stack.refresh(&id).await;
    assert_ne!(second.grant_id, first.grant_id);
}

#[tokio::test]
async fn a_refresh_token_of_another_client_is_no_substitute_for_a_missing_one() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let user = stack.application(&environment).create_user("cust-1").await;
    let id = user.connect("email", ANN).await;
    let before = stack.credential(&id).await;
    let change = ClientChange {
        issue_refresh_token: Some(false),
        ..ClientChange::default()
    };
    let secret = stack.register("5678-other", change).await;
    environment
        .set_provider("sandbox", "5678-other", &secret)
        .await;

    let landing = user.authorize(&id, ANN).await;

    assert_eq!(landing.outcome(), "no_refresh_token");
    assert_eq!(stack.credential(&id).await, before);
    stack.refresh(&id).await;
}

#[tokio::test]
async fn an_integration_that_was_changed_during_the_consent_shows_what_was_connected() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let uri = user.authorization_uri(&id).await;
    let other = json!({"data": {"type": "integration", "id": id, "attributes": {
        "provider": "gdrive", "media_type": "file",
    }}});
    let changed = user
        .call("PUT", &format!("/integrations/{id}"), Some(other))
        .await;
    assert_eq!(changed.status, 200);

    let landing = user.browser().approve(&uri, ANN).await;

    assert_eq!(landing.parameter("status").as_deref(), Some("success"));
    let shown = user.call("GET", &format!("/integrations/{id}"), None).await;
    assert_eq!(
        shown.body["data"]["attributes"],
        json!({"provider": "sandbox", "provider_id": ANN, "media_type": "email"})
    );
}

#[tokio::test]
async fn fm_15_an_account_with_nearly_all_grants_that_its_provider_keeps_is_warned_of() {
    let options = Options {
        manifests: vec![("sandbox", "[refresh]\nmax_grants = 3\n".to_owned())],
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    let warnings = || {
        let metrics = stack.metrics().render();
        let mut lines = metrics.lines();
        lines.any(|line| line.starts_with("workapi_accounts_nearly_full_total{"))
    };
    user.connect("email", ANN).await;
    user.connect("email", ANN).await;
    user.connect("email", BO).await;
    let before = warnings();

    let last = user.connect("email", ANN).await;

    assert!(!before);
    assert!(warnings());
    // A warning ends nothing.
    assert_eq!(user.provider_id(&last).await, ANN);
}
