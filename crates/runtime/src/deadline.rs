//! How long a request may still take, passed on from hop to hop.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use tokio::time::{Instant, timeout_at};
use workapi_errors::{Code, Error};

const GRPC_TIMEOUT: &str = "grpc-timeout";
/// Keeps arithmetic with a caller's deadline in range.
const LONGEST: Duration = Duration::from_hours(1);

/// The moment by which an answer is worth nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// What a request gets that says nothing.
    pub const DEFAULT: Duration = Duration::from_secs(30);

    /// Returns the deadline that is `duration` (at most one hour) from now.
    pub fn within(duration: Duration) -> Self {
        Self(Instant::now() + duration.min(LONGEST))
    }

    /// Returns the deadline of an incoming request: the caller's `grpc-timeout`, counted from the
    /// arrival, else [`Deadline::DEFAULT`].
    pub fn of<T>(request: &tonic::Request<T>) -> Self {
        match request.extensions().get() {
            Some(deadline) => *deadline,
            None => Self::of_headers(request.metadata().as_ref()),
        }
    }

    /// Returns how much time is left, zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Sets the time left as the deadline of an outgoing request, shortened by a twentieth, so that
    /// this program still has time to answer when the next one has none left.
    pub fn apply<T>(&self, request: &mut tonic::Request<T>) {
        request.set_timeout(self.remaining().mul_f32(0.95));
    }

    fn of_headers(headers: &HeaderMap) -> Self {
        let timeout = headers
            .get(GRPC_TIMEOUT)
            .and_then(|value| value.to_str().ok());
        Self::within(timeout.and_then(parse).unwrap_or(Self::DEFAULT))
    }
}

/// Answers `DEADLINE_EXCEEDED` when a gRPC request is not answered by its deadline, and drops the
/// handler: work that has to go on is spawned as tracked work.
pub(crate) async fn keep(mut request: Request, next: Next) -> Response {
    let deadline = Deadline::of_headers(request.headers());
    request.extensions_mut().insert(deadline);
    match timeout_at(deadline.0, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => tonic::Status::from(Error::new(Code::Timeout, "")).into_http(),
    }
}

/// Parses a `grpc-timeout`: at most 8 digits and a unit (gRPC over HTTP/2, "Requests").
fn parse(timeout: &str) -> Option<Duration> {
    let (digits, unit) = timeout.split_at_checked(timeout.len().checked_sub(1)?)?;
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits || !(1..=8).contains(&digits.len()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(value * 60 * 60)),
        "M" => Some(Duration::from_secs(value * 60)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt;

    use super::*;

    fn request_with_timeout(timeout: &str) -> tonic::Request<()> {
        let mut request = tonic::Request::new(());
        let timeout = timeout.parse().unwrap();
        request.metadata_mut().insert(GRPC_TIMEOUT, timeout);
        request
    }

    #[tokio::test(start_paused = true)]
    async fn every_unit_of_a_grpc_timeout_is_understood() {
        let expected = [
            ("1H", 3_600_000_000_000),
            ("2M", 120_000_000_000),
            ("3S", 3_000_000_000),
            ("4m", 4_000_000),
            ("5u", 5_000),
            ("6n", 6),
            ("99999999H", 3_600_000_000_000),
        ];
        for (timeout, nanos) in expected {
            let deadline = Deadline::of(&request_with_timeout(timeout));

            assert_eq!(
                deadline.remaining(),
                Duration::from_nanos(nanos),
                "{timeout}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_absent_or_malformed_timeout_means_the_default() {
        for timeout in ["", "S", "1", "1s", "-1S", "123456789S", "1 S"] {
            let deadline = Deadline::of(&request_with_timeout(timeout));

            assert_eq!(deadline.remaining(), Deadline::DEFAULT, "{timeout:?}");
        }
        let deadline = Deadline::of(&tonic::Request::new(()));
        assert_eq!(deadline.remaining(), Deadline::DEFAULT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_passed_on_a_little_shorter() {
        let deadline = Deadline::within(Duration::from_secs(10));
        let mut outgoing = tonic::Request::new(());

        deadline.apply(&mut outgoing);

        let passed_on = Deadline::of(&outgoing).remaining();
        assert!(passed_on < deadline.remaining());
        assert!(passed_on > deadline.remaining().mul_f32(0.9));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_left_of_a_deadline_that_has_passed() {
        let deadline = Deadline::within(Duration::from_secs(1));

        tokio::time::advance(Duration::from_secs(2)).await;

        assert_eq!(deadline.remaining(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_late_is_answered_with_deadline_exceeded() {
        let hanging = axum::Router::new()
            .fallback(std::future::pending::<()>)
            .layer(axum::middleware::from_fn(keep));
        let request = Request::builder()
            .header(GRPC_TIMEOUT, "2S")
            .body(axum::body::Body::empty())
            .unwrap();
        let start = Instant::now();

        let response = hanging.oneshot(request).await.unwrap();

        let status = tonic::Status::from_header_map(response.headers()).unwrap();
        assert_eq!(Error::from(status).code(), Code::Timeout);
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }
}
