//! Deadlines, health and reflection.

use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use workapi_testkit::eventually;
use workapi_tests::Stack;

use super::{Clients, channel};

#[tokio::test]
async fn a_caller_without_time_is_answered_and_the_exchange_goes_on() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let mut clients = Clients::of(&stack).await;
    let token = clients.create_user(&environment, "cust-9041").await;
    let id = clients.create_integration(&token, "email").await.id;
    let answer = clients.authorization_response(&stack, &token, &id).await;
    stack.hold_up("token").await;

    let mut hurried = Request::new(answer);
    hurried.set_timeout(Duration::from_secs(2));
    let refused = clients.authorization.complete_authorization(hurried).await;
    stack.end_faults().await;

    // The client's own clock may say `Cancelled` first.
    let code = refused.unwrap_err().code();
    assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled));
    eventually("the connection", || async {
        let found = clients.clone().get_integration(&token, &id).await;
        found.unwrap().provider_id
    })
    .await;
}

#[tokio::test]
async fn health_and_reflection_name_every_service() {
    let stack = Stack::start().await;
    let of_integrations = [
        "workapi.integrations.v1.Users",
        "workapi.integrations.v1.Integrations",
        "workapi.integrations.v1.TokenKeys",
        "workapi.integrations.v1.Directory",
        "workapi.integrations.v1.EnvironmentAdmin",
    ];
    let of_auth = [
        "workapi.auth.v1.Authorization",
        "workapi.auth.v1.ProviderAdmin",
    ];

    for (url, services) in [
        (stack.integrations_url(), &of_integrations[..]),
        (stack.auth_url(), &of_auth[..]),
    ] {
        let channel = channel(url).await;
        let listed = services_by_reflection(channel.clone()).await;
        for service in services {
            assert!(listed.iter().any(|name| name == service), "{listed:?}");
            assert_serving(channel.clone(), service).await;
        }
        assert_serving(channel, "").await;
    }
}

async fn assert_serving(channel: Channel, service: &str) {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = HealthClient::new(channel).check(request).await.unwrap();
    let status = answer.into_inner().status();
    assert_eq!(status, ServingStatus::Serving, "{service}");
}

async fn services_by_reflection(channel: Channel) -> Vec<String> {
    let request = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let requests = futures::stream::iter([request]);
    let mut reflection = ServerReflectionClient::new(channel);
    let answers = reflection.server_reflection_info(requests).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    match answer.message_response.unwrap() {
        MessageResponse::ListServicesResponse(list) => {
            let services = list.service.into_iter();
            services.map(|service| service.name).collect()
        }
        other => panic!("no list of services: {other:?}"),
    }
}
