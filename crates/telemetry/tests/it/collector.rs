//! A collector that keeps what it is sent, undecoded.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

pub(crate) struct Collector {
    pub(crate) url: String,
    pub(crate) exports: mpsc::Receiver<Bytes>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, exports) = mpsc::channel(8);
        let server = Server::builder().add_service(TraceService(sender));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Self { url, exports }
    }
}

#[derive(Clone)]
struct TraceService(mpsc::Sender<Bytes>);

impl NamedService for TraceService {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl tower::Service<Request<Body>> for TraceService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let exports = self.0.clone();
        Box::pin(async move {
            let export = request.into_body().collect().await.unwrap().to_bytes();
            exports.send(export).await.unwrap();
            Ok(accepted())
        })
    }
}

/// Returns an `ExportTraceServiceResponse` without any field.
fn accepted() -> Response<Body> {
    let empty_message = Full::new(Bytes::from_static(&[0; 5]));
    let trailers = HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        http::HeaderValue::from_static("0"),
    )]);
    let body = empty_message.with_trailers(ready(Some(Ok(trailers))));
    let mut response = Response::new(Body::new(body));
    let grpc = http::HeaderValue::from_static("application/grpc");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, grpc);
    response
}
