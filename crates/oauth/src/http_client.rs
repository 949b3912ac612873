//! How requests leave for a provider, and how much of an answer comes back.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Request, RequestBuilder, Response};
use tokio::time::timeout;
use url::Url;
use workapi_types::Clock;
use zeroize::Zeroizing;

use crate::error::TransportError;
use crate::retry_after;

/// The longest answer that is read.
pub(crate) const MAX_BODY_BYTES: usize = 256 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection waits for another request. A server that hangs up just
/// when a request arrives leaves open whether it acted on it, which may cost a
/// single-use refresh token; the shortest usual patience of servers is 5 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// The connections to providers. Clones share them.
///
/// It follows no redirect, so that no secret leaves for a host that the manifest
/// does not name, takes no proxy from the environment, and adds no trace context.
/// That a URL is `https://`, or `http://` to a loopback host, was checked when the
/// manifest was read.
#[derive(Clone, Debug)]
pub struct HttpClient(reqwest::Client);

/// The HTTP client could not be made, for example without root certificates.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up the HTTP client for providers")]
pub struct HttpClientError(#[source] reqwest::Error);

impl HttpClient {
    /// Sets the client up; connects to nothing.
    pub fn new() -> Result<Self, HttpClientError> {
        reqwest::Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(concat!("work-api/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(HttpClientError)
    }

    pub(crate) fn get(&self, url: &Url) -> RequestBuilder {
        self.0.get(url.clone())
    }

    pub(crate) fn post(&self, url: &Url) -> RequestBuilder {
        self.0.post(url.clone())
    }

    /// Sends a request and reads its whole answer, all before the deadline.
    pub(crate) async fn send(
        &self,
        request: reqwest::Result<Request>,
        deadline: Duration,
    ) -> Result<Answer, TransportError> {
        let request = request.map_err(|error| TransportError::NotSent(error.without_url()))?;
        timeout(deadline, async {
            let response = self.0.execute(request).await.map_err(failed)?;
            Answer::read(response).await
        })
        .await
        .unwrap_or(Err(TransportError::TimedOut(deadline)))
    }
}

fn failed(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(error)
    } else {
        TransportError::Broken(error)
    }
}

/// A provider's answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The media type, in lower case and without parameters.
    pub(crate) media_type: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Answer {
    async fn read(mut response: Response) -> Result<Self, TransportError> {
        let header = |name| response.headers().get(name)?.to_str().ok();
        let media_type = header(CONTENT_TYPE)
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase())
            .unwrap_or_default();
        let retry_after =
            header(RETRY_AFTER).and_then(|value| retry_after::parse(value, Clock::system().now()));
        let status = response.status().as_u16();

        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(TransportError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self {
            status,
            media_type,
            retry_after,
            body,
        })
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
