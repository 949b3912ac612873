//! `OnDemandAdmin`: what operators are told of a credential.

use std::time::Duration;

use serde_json::json;
use tonic::{Code, Request};
use workapi_proto::auth::v1::on_demand_admin_client::OnDemandAdminClient;
use workapi_proto::auth::v1::{CheckCredentialRequest, CheckCredentialResponse, CheckOutcome};
use workapi_tests::{Options, bearing};

use super::Connected;

const ADMIN_TOKEN: &str = "admin-token-of-the-test-stack";

fn request(id: &str, token: &str) -> Request<CheckCredentialRequest> {
    let message = CheckCredentialRequest {
        integration_id: id.to_owned(),
        min_remaining: None,
    };
    let mut request = bearing(message, token);
    request.set_timeout(Duration::from_secs(15));
    request
}

async fn check(connected: &Connected, id: &str) -> CheckCredentialResponse {
    let url = connected.stack.admin_url().to_owned();
    let mut admin = OnDemandAdminClient::connect(url).await.unwrap();
    let answer = admin.check_credential(request(id, ADMIN_TOKEN)).await;
    answer.unwrap().into_inner()
}

#[tokio::test]
async fn a_check_has_a_stale_credential_refreshed_and_a_fresh_one_left_alone() {
    let connected = Connected::start(Options::default()).await;
    connected.stack.expire(&connected.id).await;

    let first = check(&connected, &connected.id).await;
    let second = check(&connected, &connected.id).await;

    assert!(first.usable && second.usable);
    assert_eq!(first.outcome(), CheckOutcome::Refreshed);
    assert_eq!(second.outcome(), CheckOutcome::Fresh);
    assert_eq!((first.generation, second.generation), (2, 2));
    assert_eq!(
        (second.state.as_str(), second.action.as_str()),
        ("active", "none")
    );
    assert!(second.expires_in.unwrap().seconds > 3500);
    connected.assert_refreshes(1).await;
}

#[tokio::test]
async fn a_check_says_why_there_is_no_token_and_who_has_to_act() {
    let connected = Connected::start(Options::default()).await;
    connected.stack.expire(&connected.id).await;
    let dead = json!({
        "endpoint": "token", "kind": "status", "status": 400, "error": "invalid_grant",
    });
    connected.stack.inject_fault(&dead).await;

    let dead = check(&connected, &connected.id).await;
    let pending = check(&connected, "0123456789abcdef01234567").await;

    assert!(!dead.usable && !pending.usable);
    assert_eq!(
        (dead.state.as_str(), dead.cause.as_str()),
        ("needs_reconnect", "unknown")
    );
    assert_eq!(dead.action, "reconnect");
    assert_eq!((dead.expires_in, dead.retry_after), (None, None));
    assert_eq!(dead.outcome(), CheckOutcome::NotRefreshable);
    assert_eq!(
        (pending.state.as_str(), pending.action.as_str()),
        ("pending", "reconnect")
    );
    assert_eq!(pending.generation, 0);
}

#[tokio::test]
async fn fm_10_a_check_says_that_the_client_is_refused() {
    let connected = Connected::start(Options::default()).await;
    sqlx::query(
        "INSERT INTO provider_breaker (provider_config_id, probe_at, config_updated_at)
         SELECT id, now() + interval '1 hour', updated_at FROM provider_config",
    )
    .execute(connected.stack.vault_database())
    .await
    .unwrap();

    let checked = check(&connected, &connected.id).await;

    assert!(checked.usable);
    let told = (checked.cause.as_str(), checked.action.as_str());
    assert_eq!(told, ("operator_config", "operator"));
}

#[tokio::test]
async fn a_check_needs_the_admin_token_and_an_id() {
    let connected = Connected::start(Options::default()).await;
    for url in [connected.stack.admin_url(), connected.stack.auth_url()] {
        let mut admin = OnDemandAdminClient::connect(url.to_owned()).await.unwrap();

        let wrong_token = admin
            .check_credential(request(&connected.id, "guess"))
            .await;
        let no_id = admin.check_credential(request("an-id", ADMIN_TOKEN)).await;

        assert_eq!(wrong_token.unwrap_err().code(), Code::Unauthenticated);
        assert_eq!(no_id.unwrap_err().code(), Code::InvalidArgument);
    }
}
