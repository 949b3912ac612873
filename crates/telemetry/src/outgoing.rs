//! Trace context on outgoing requests.

use std::task::{Context, Poll};

use tower::Service;

/// A client service that adds the caller's trace context to every request.
///
/// For calls between the programs of this system only: a provider must not see trace ids.
#[derive(Clone, Debug)]
pub struct Traced<S>(S);

impl<S> Traced<S> {
    /// Wraps a client, such as a gRPC channel.
    pub const fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S, B> Service<http::Request<B>> for Traced<S>
where
    S: Service<http::Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        crate::propagation::inject(request.headers_mut());
        self.0.call(request)
    }
}
