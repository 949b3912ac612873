//! What a client sees of the gRPC server.

use std::time::Duration;

use tokio::net::TcpListener;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use workapi_runtime::{Channel, Deadline, Grpc, channel};

use crate::echo::{Echo, say};
use crate::server::Server;

async fn server() -> (Server, Channel) {
    let server = Server::grpc(Grpc::new().add_service(Echo)).await;
    let channel = channel(&server.url(), "echo").unwrap();
    (server, channel)
}

fn request(word: &str) -> Request<String> {
    Request::new(word.to_owned())
}

fn health_of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[tokio::test]
async fn health_is_known_of_the_server_and_of_each_service() {
    let (_server, channel) = server().await;
    let mut health = HealthClient::new(channel);

    for service in ["", "test.Echo"] {
        let answer = health.check(health_of(service)).await.unwrap();

        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    }
    let unknown = health.check(health_of("test.Nothing")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn a_watcher_is_told_of_the_drain_and_does_not_hold_it_up() {
    let (server, channel) = server().await;
    let mut health = HealthClient::new(channel);
    let mut watch = health
        .watch(health_of("test.Echo"))
        .await
        .unwrap()
        .into_inner();
    let before = watch.message().await.unwrap().unwrap();

    server.shutdown.drain();

    assert_eq!(before.status(), ServingStatus::Serving);
    let after = watch.message().await.unwrap().unwrap();
    assert_eq!(after.status(), ServingStatus::NotServing);
    assert_eq!(watch.message().await.unwrap(), None);
    server.ended.await.unwrap();
}

#[tokio::test]
async fn a_handler_knows_how_much_time_its_caller_has_left() {
    let (_server, channel) = server().await;
    let mut with_deadline = request("deadline");
    Deadline::within(Duration::from_secs(10)).apply(&mut with_deadline);

    let left = say(channel.clone(), with_deadline).await.unwrap();
    let default = say(channel, request("deadline")).await.unwrap();

    let left: u64 = left.parse().unwrap();
    assert!((5_000..=9_500).contains(&left), "{left}");
    let default: u64 = default.parse().unwrap();
    assert!((25_000..=30_000).contains(&default), "{default}");
}

#[tokio::test]
async fn calls_are_counted_by_method_and_status() {
    let (server, channel) = server().await;

    say(channel.clone(), request("trace")).await.unwrap();
    say(channel.clone(), request("else")).await.unwrap_err();
    let mut nobody = tonic::client::Grpc::new(channel);
    nobody.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/test.MadeUp/Method");
    let codec = tonic_prost::ProstCodec::<String, String>::default();
    let error = nobody.unary(request(""), path, codec).await.unwrap_err();

    assert_eq!(error.code(), Code::Unimplemented);
    let metrics = server.metrics.render();
    let counted = |method: &str, status: &str| {
        metrics.lines().any(|line| {
            line.starts_with("rpc_server_call_duration_seconds_count")
                && line.contains(&format!("rpc_method=\"{method}\""))
                && line.contains(&format!("rpc_response_status_code=\"{status}\""))
                && line.ends_with(" 1")
        })
    };
    assert!(counted("test.Echo/Say", "Ok"), "{metrics}");
    assert!(counted("test.Echo/Say", "NotFound"), "{metrics}");
    assert!(counted("unmatched", "Unimplemented"), "{metrics}");
    assert!(!metrics.contains("MadeUp"));
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let channel = channel(&url, "echo").unwrap();

    let error = say(channel, request("trace")).await.unwrap_err();

    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_channel_finds_a_server_that_comes_back() {
    let (server, channel) = server().await;
    say(channel.clone(), request("trace")).await.unwrap();
    server.shutdown.drain();
    server.ended.await.unwrap();
    let listener = TcpListener::bind(server.addr).await.unwrap();
    let meter = server.metrics.meter("again");
    let shutdown = workapi_runtime::Shutdown::new();
    tokio::spawn(async move {
        let again = Grpc::new().add_service(Echo);
        again.serve(listener, &meter, &shutdown).await;
    });

    let answer = loop {
        if let Ok(answer) = say(channel.clone(), request("silence")).await {
            break answer;
        }
    };

    assert_eq!(answer, "");
}

#[tokio::test]
async fn a_url_with_tls_is_accepted() {
    assert!(channel("https://auth.example.test", "auth").is_ok());
}

#[tokio::test]
async fn a_malformed_url_is_refused() {
    for url in ["", "localhost:50051", "ftp://localhost", "http://"] {
        let error = channel(url, "auth").unwrap_err();

        assert!(error.to_string().contains("gRPC URL of auth"), "{url}");
    }
}

#[tokio::test]
async fn reflection_lists_the_services() {
    let grpc = Grpc::new()
        .add_service(Echo)
        .add_reflection(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .unwrap();
    let server = Server::grpc(grpc).await;
    let mut client = ServerReflectionClient::new(channel(&server.url(), "echo").unwrap());
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };

    let answers = client
        .server_reflection_info(futures::stream::iter([list]))
        .await
        .unwrap();

    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(services)) = answer.message_response else {
        panic!("not a list: {answer:?}");
    };
    let names: Vec<_> = services
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    assert_eq!(names, ["test.Echo"]);
}
