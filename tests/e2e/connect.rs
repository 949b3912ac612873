//! Connecting an integration, and what becomes of it.

use workapi_testkit::eventually;
use workapi_tests::Stack;

#[tokio::test]
async fn an_account_is_connected_and_refreshed_and_its_end_reaches_the_provider() {
    let stack = Stack::start().await;
    stack
        .register_client(workapi_sandbox::ClientChange {
            access_token_seconds: Some(2),
            ..Default::default()
        })
        .await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;

    let id = user.connect("email", "ann@example.test").await;

    let shown = user.call("GET", &format!("/integrations/{id}"), None).await;
    assert_eq!(
        shown.body["data"]["attributes"]["provider_id"],
        "ann@example.test"
    );
    eventually("a refresh", || async {
        (stack.counters().await["refreshes"].as_u64()? >= 2).then_some(())
    })
    .await;

    let deleted = user
        .call("DELETE", &format!("/integrations/{id}"), None)
        .await;

    assert_eq!(deleted.status, 204);
    eventually("the revocation", || async {
        (stack.counters().await["revocations"].as_u64()? == 1).then_some(())
    })
    .await;
    stack.stop().await;
}
