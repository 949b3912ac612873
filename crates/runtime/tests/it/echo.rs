//! A gRPC service without a `.proto`, whose messages are strings.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use workapi_runtime::{Channel, Deadline};
use workapi_telemetry::propagation::current_traceparent;

const PATH: PathAndQuery = PathAndQuery::from_static("/test.Echo/Say");

/// Answers `trace` with the handler's `traceparent`, `deadline` with the milliseconds left.
#[derive(Clone)]
pub(crate) struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        async {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<String, String>::default());
            Ok(grpc.unary(tower::service_fn(answer), request).await)
        }
        .boxed()
    }
}

async fn answer(request: Request<String>) -> Result<Response<String>, Status> {
    let deadline = Deadline::of(&request);
    match request.into_inner().as_str() {
        "trace" => Ok(Response::new(current_traceparent().unwrap_or_default())),
        "deadline" => Ok(Response::new(deadline.remaining().as_millis().to_string())),
        "silence" => Ok(Response::new(String::new())),
        _ => Err(Status::not_found("no such word")),
    }
}

/// Calls the service.
pub(crate) async fn say(channel: Channel, request: Request<String>) -> Result<String, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client
        .ready()
        .await
        .map_err(|error| Status::from_error(error.into()))?;
    let codec = ProstCodec::<String, String>::default();
    let response = client.unary(request, PATH, codec).await?;
    Ok(response.into_inner())
}
