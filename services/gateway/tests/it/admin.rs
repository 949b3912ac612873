//! The admin listener.

use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use workapi_errors::Error;
use workapi_proto::auth::v1::credential_admin_client::CredentialAdminClient;
use workapi_proto::auth::v1::job_admin_client::JobAdminClient;
use workapi_proto::auth::v1::provider_admin_client::ProviderAdminClient;
use workapi_proto::auth::v1::{
    ListCredentialsRequest, ListStuckCredentialsRequest, SetProviderConfigRequest,
};
use workapi_proto::integrations::v1::environment_admin_client::EnvironmentAdminClient;
use workapi_proto::integrations::v1::users_client::UsersClient;
use workapi_proto::integrations::v1::{GetMeRequest, ListEnvironmentsRequest};

use super::stack::{ADMIN_TOKEN, Stack};

async fn connect(stack: &Stack) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", stack.admin)).unwrap();
    endpoint.connect().await.unwrap()
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

#[tokio::test]
async fn an_operator_reaches_both_owners() {
    workapi_telemetry::testing::record();
    let stack = Stack::start().await;
    let channel = connect(&stack).await;
    let list = with_token(ListEnvironmentsRequest {}, ADMIN_TOKEN);
    let mut set = with_token(SetProviderConfigRequest::default(), ADMIN_TOKEN);
    set.set_timeout(Duration::from_secs(5));

    let environments = EnvironmentAdminClient::new(channel.clone())
        .list_environments(list)
        .await;
    ProviderAdminClient::new(channel)
        .set_provider_config(set)
        .await
        .unwrap();

    assert_eq!(environments.unwrap().into_inner().environments.len(), 1);
    let calls = stack.backend.calls();
    assert_eq!(
        calls[0].authorization,
        Some(format!("Bearer {ADMIN_TOKEN}"))
    );
    assert!(calls[1].message.starts_with("SetProviderConfigRequest"));
    assert!(calls[1].remaining <= Duration::from_secs(5));
    assert!(calls[0].traceparent.is_some());
}

#[tokio::test]
async fn an_operator_reaches_credentials_and_jobs_and_nobody_else_does() {
    let stack = Stack::start().await;
    let channel = connect(&stack).await;
    let mut credentials = CredentialAdminClient::new(channel.clone());
    let mut jobs = JobAdminClient::new(channel);

    for token in [ADMIN_TOKEN, "another-token"] {
        let list = with_token(ListCredentialsRequest::default(), token);
        let find = with_token(ListStuckCredentialsRequest::default(), token);

        let listed = credentials.list_credentials(list).await;
        let found = jobs.list_stuck_credentials(find).await;

        let allowed = token == ADMIN_TOKEN;
        assert_eq!((listed.is_ok(), found.is_ok()), (allowed, allowed));
    }
    let calls = stack.backend.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls[0].message.starts_with("ListCredentialsRequest"));
    assert!(calls[1].message.starts_with("ListStuckCredentialsRequest"));
}

#[tokio::test]
async fn without_the_admin_token_nothing_is_forwarded() {
    let stack = Stack::start().await;
    let mut environments = EnvironmentAdminClient::new(connect(&stack).await);
    let longer = format!("{ADMIN_TOKEN}x");
    let user_token = stack.key.token();
    for token in ["", "x", &longer, &ADMIN_TOKEN[1..], &user_token] {
        let request = with_token(ListEnvironmentsRequest {}, token);

        let status = environments.list_environments(request).await.unwrap_err();

        assert_eq!(
            Error::from(status).code(),
            workapi_errors::Code::InvalidToken
        );
    }
    let bare = environments
        .list_environments(ListEnvironmentsRequest {})
        .await;
    assert_eq!(bare.unwrap_err().code(), Code::Unauthenticated);
    assert!(stack.backend.calls().is_empty());
}

#[tokio::test]
async fn the_errors_of_an_owner_arrive_whole() {
    let stack = Stack::start().await;
    let error = Error::conflict("credentials depend on it");
    stack.backend.fail_next(error.clone());
    let request = with_token(SetProviderConfigRequest::default(), ADMIN_TOKEN);

    let status = ProviderAdminClient::new(connect(&stack).await)
        .set_provider_config(request)
        .await;

    assert_eq!(Error::from(status.unwrap_err()), error);
}

#[tokio::test]
async fn an_owner_that_is_away_is_unavailable() {
    let mut stack = Stack::start().await;
    stack.stop_backend().await;
    let request = with_token(ListEnvironmentsRequest {}, ADMIN_TOKEN);

    let status = EnvironmentAdminClient::new(connect(&stack).await)
        .list_environments(request)
        .await;

    assert_eq!(status.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn only_the_admin_services_are_there() {
    let stack = Stack::start().await;
    let channel = connect(&stack).await;
    let request = with_token(GetMeRequest {}, ADMIN_TOKEN);

    let users = UsersClient::new(channel.clone()).get_me(request).await;
    let health = HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await;

    assert_eq!(users.unwrap_err().code(), Code::Unimplemented);
    assert!(health.is_ok());
}

#[tokio::test]
async fn the_gateway_is_ready_when_its_services_can_be_reached() {
    let mut stack = Stack::start().await;
    while !stack.health.report().await.ready {
        tokio::task::yield_now().await;
    }

    stack.stop_backend().await;
    let report = stack.health.report().await;

    let failing: Vec<_> = report.failures.keys().map(String::as_str).collect();
    assert_eq!(failing, ["auth-grpc", "integrations-grpc"]);
}
