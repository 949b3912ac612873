//! Reads on when a request was answered before its body had come.
//!
//! hyper closes such a connection at once, and a client that still sends then sees a reset
//! instead of the answer that says what was wrong (RFC 9112 section 9.6).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::{Version, header};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How much is read for nothing, in bytes.
const PATIENCE: usize = 32 * 1024 * 1024;
/// How long something is read for nothing.
const PATIENCE_TIME: Duration = Duration::from_secs(5);

/// Answers a request, and lets its client finish sending first.
pub(super) async fn linger(request: Request, next: Next) -> Response {
    // A client that waits for "100 Continue" has not begun to send; HTTP/2 ends a stream cleanly.
    let waits = request.headers().contains_key(header::EXPECT);
    if waits || request.body().is_end_stream() || request.version() > Version::HTTP_11 {
        return next.run(request).await;
    }
    let (give_back, mut left_over) = oneshot::channel();
    let lent = request.map(|body| {
        Body::new(Lent {
            body,
            give_back: Some(give_back),
        })
    });
    let response = next.run(lent).await;
    if let Ok(body) = left_over.try_recv() {
        // Either way the answer goes out now.
        let _ = timeout(PATIENCE_TIME, discard(body)).await;
    }
    response
}

async fn discard(mut body: Body) {
    let mut discarded = 0;
    while discarded < PATIENCE {
        match body.frame().await {
            Some(Ok(frame)) => discarded += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => return,
        }
    }
}

/// A body that comes back to its lender when it is dropped before its end.
struct Lent {
    body: Body,
    give_back: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(give_back) = self.give_back.take() {
            // The lender may be gone.
            let _ = give_back.send(std::mem::take(&mut self.body));
        }
    }
}
