//! Connecting with a code that a native app got on the device (contract section 4.5).

use serde_json::json;
use workapi_sandbox::ClientChange;
use workapi_tests::{Options, Stack};

use crate::google;

const ANN: &str = "ann@example.test";

#[tokio::test]
async fn a_code_from_a_device_connects_the_integration() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "file").await;
    let code = stack.mobile_code(ANN).await;

    let answer = user.post_code(&id, &code).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    let expected = json!({"data": {"id": id, "type": "integration", "attributes": {
        "provider": "sandbox", "media_type": "file", "provider_id": ANN,
    }}});
    assert_eq!(answer.body, expected);
    assert_eq!(user.provider_id(&id).await, ANN);
    stack.refresh(&id).await;
}

#[tokio::test]
async fn every_way_to_name_the_redirect_uri_of_a_device_is_understood() {
    let redirect = |way: &str| format!("[mobile]\nredirect_uri = \"{way}\"\n");
    let ways = [
        ("gmail", "empty"),
        ("gcal", "omit"),
        ("gdrive", "postmessage"),
    ];
    let manifests = ways.map(|(provider, way)| (provider, google::manifest() + &redirect(way)));
    let options = Options {
        manifests: manifests.to_vec(),
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let environment = stack.environment().await;
    let user = stack.application(&environment).create_user("cust-1").await;
    let secret = stack.register_client(ClientChange::default()).await;

    for (provider, _) in ways {
        environment
            .set_provider(provider, stack.client_id(), &secret)
            .await;
        let id = user.create_integration(provider, "").await;
        let code = stack.mobile_code(ANN).await;
        let answer = user.post_code(&id, &code).await;

        assert_eq!(answer.status, 200, "{provider}: {}", answer.body);
        assert_eq!(user.provider_id(&id).await, ANN, "{provider}");
    }
    assert_eq!(stack.count("exchanges").await, 3);
}

#[tokio::test]
async fn a_code_from_a_device_is_good_once() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let other = user.create_integration("sandbox", "email").await;
    let code = stack.mobile_code(ANN).await;
    assert_eq!(user.post_code(&id, &code).await.status, 200);
    let before = stack.credential(&id).await;

    for integration in [&id, &other] {
        let again = user.post_code(integration, &code).await;

        assert_eq!(again.status, 400);
        assert_eq!(again.error_code(), "bad_request_error");
        assert!(
            again.error_detail().starts_with("exchange_failed"),
            "{}",
            again.error_detail()
        );
    }
    // The provider never saw the code again, or it would have ended the grant.
    assert_eq!(stack.count("families_revoked").await, 0);
    assert_eq!(stack.credential(&id).await, before);
    assert_eq!(stack.credential(&other).await, None);
}

#[tokio::test]
async fn a_code_of_another_account_says_account_mismatch() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let before = stack.credential(&id).await;
    let code = stack.mobile_code("bo@example.test").await;

    let answer = user.post_code(&id, &code).await;

    assert_eq!(answer.status, 400);
    assert!(
        answer.error_detail().starts_with("account_mismatch"),
        "{}",
        answer.error_detail()
    );
    assert_eq!(stack.credential(&id).await, before);
}
