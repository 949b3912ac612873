//! Core NATS: the request for a refresh, which one of the replicas answers, and the note that one
//! was committed. Neither is stored; who waits for them looks at PostgreSQL besides.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderMap, Message, RequestErrorKind, Subscriber};
use futures::StreamExt;
use prost::Message as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use workapi_proto::jobs::v1::{RefreshOutcome, RefreshReply, RefreshRequest, RefreshedNote};
use workapi_telemetry::propagation::{
    TRACEPARENT, context_from_traceparent, current_traceparent, set_parent,
};

use crate::{Bus, Error};

const REFRESH: &str = "req.refresh";
/// The queue group of those who answer: NATS picks one of them for each request.
const RESPONDERS: &str = "token-refresher";
/// How long the client may take to hand a command to its connection.
const HAND_OVER: Duration = Duration::from_secs(1);

/// Why a request has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// NATS is away.
    #[error("NATS is not connected")]
    Disconnected,
    /// Nobody serves such requests.
    #[error("nobody answers such requests")]
    NoResponder,
    /// Somebody does, but did not answer in time.
    #[error("the request was not answered in time")]
    TimedOut,
    /// The request failed otherwise, or what came back is no reply.
    #[error("the request failed")]
    Failed,
}

/// The notes about one credential, from the moment of subscribing on.
#[derive(Debug)]
pub struct Notes(Subscriber);

impl Notes {
    /// Waits for a note; `None` when there will never be one.
    pub async fn next(&mut self) -> Option<RefreshedNote> {
        let message = self.0.next().await?;
        // What can't be read still says that somebody should look.
        Some(RefreshedNote::decode(message.payload).unwrap_or_default())
    }
}

impl Bus {
    /// Asks for a refresh and waits up to `patience` for the reply.
    ///
    /// # Errors
    /// Fails when nobody took the request, as far as is known here.
    pub async fn request_refresh(
        &self,
        integration_id: &str,
        patience: Duration,
    ) -> Result<RefreshReply, RequestError> {
        // The client would keep the request until the connection is back.
        if !self.is_connected() {
            return Err(RequestError::Disconnected);
        }
        let message = RefreshRequest {
            integration_id: integration_id.to_owned(),
        };
        let request = async_nats::Request::new()
            .headers(trace_headers())
            .payload(message.encode_to_vec().into())
            .timeout(Some(patience));
        let sent = self.client().send_request(self.prefixed(REFRESH), request);
        let reply = tokio::time::timeout(patience, sent)
            .await
            .map_err(|_| RequestError::TimedOut)?
            .map_err(|error| match error.kind() {
                RequestErrorKind::NoResponders => RequestError::NoResponder,
                RequestErrorKind::TimedOut => RequestError::TimedOut,
                _ => RequestError::Failed,
            })?;
        RefreshReply::decode(reply.payload).map_err(|_| RequestError::Failed)
    }

    /// Answers requests for a refresh until `shutdown`, then waits for the answers under way.
    ///
    /// Each request goes to one of those who serve. One that comes while `concurrency` others are
    /// being worked on is answered with `BUSY`.
    ///
    /// # Errors
    /// Fails when the connection is closed for good.
    pub async fn serve_refresh_requests<H, Handling>(
        &self,
        concurrency: usize,
        shutdown: CancellationToken,
        handler: H,
    ) -> Result<(), Error>
    where
        H: Fn(RefreshRequest) -> Handling + Clone + Send + Sync + 'static,
        Handling: Future<Output = RefreshReply> + Send + 'static,
    {
        let subscribed = self
            .client()
            .queue_subscribe(self.prefixed(REFRESH), RESPONDERS.to_owned());
        let mut requests = subscribed.await.map_err(|source| Error::Subscribe {
            subject: REFRESH,
            source,
        })?;
        let permits = Arc::new(Semaphore::new(concurrency));
        let running = TaskTracker::new();
        loop {
            let message = tokio::select! {
                biased;
                () = shutdown.cancelled() => None,
                message = requests.next() => message,
            };
            let Some(message) = message else { break };
            let bus = self.clone();
            let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
                bus.reply(&message, &busy()).await;
                continue;
            };
            let handler = handler.clone();
            running.spawn(async move {
                bus.answer(message, handler).await;
                drop(permit);
            });
        }
        // From here on NATS picks somebody else.
        drop(requests);
        running.close();
        running.wait().await;
        Ok(())
    }

    /// Tells those who wait that a newer generation is committed. Nobody may be listening, and
    /// a note that is lost costs them a quarter of a second.
    pub async fn publish_refreshed(&self, integration_id: &str, note: &RefreshedNote) {
        if !self.is_connected() {
            return;
        }
        let subject = self.prefixed(&refreshed(integration_id));
        let publishing = self.client().publish(subject, note.encode_to_vec().into());
        if !matches!(
            tokio::time::timeout(HAND_OVER, publishing).await,
            Ok(Ok(()))
        ) {
            tracing::debug!(integration.id = integration_id, "a note was not published");
        }
    }

    /// Subscribes to the notes about one credential.
    ///
    /// # Errors
    /// Fails when NATS is away.
    pub async fn subscribe_refreshed(&self, integration_id: &str) -> Result<Notes, RequestError> {
        if !self.is_connected() {
            return Err(RequestError::Disconnected);
        }
        let subject = self.prefixed(&refreshed(integration_id));
        match tokio::time::timeout(HAND_OVER, self.client().subscribe(subject)).await {
            Ok(Ok(subscriber)) => Ok(Notes(subscriber)),
            Ok(Err(_)) => Err(RequestError::Failed),
            Err(_) => Err(RequestError::TimedOut),
        }
    }

    /// Runs the handler in a span of the asker's trace and sends what it returns.
    async fn answer<H, Handling>(&self, message: Message, handler: H)
    where
        H: Fn(RefreshRequest) -> Handling,
        Handling: Future<Output = RefreshReply>,
    {
        let Ok(request) = RefreshRequest::decode(message.payload.clone()) else {
            tracing::warn!("a refresh request is malformed; it is passed over");
            return;
        };
        let span = tracing::info_span!("answer", subject = REFRESH);
        let traceparent = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(TRACEPARENT));
        if let Some(traceparent) = traceparent {
            set_parent(&span, context_from_traceparent(traceparent.as_str()));
        }
        let reply = handler(request).instrument(span).await;
        self.reply(&message, &reply).await;
    }

    /// Replies, if the asker left an address. It looks at PostgreSQL even without a reply.
    async fn reply(&self, message: &Message, reply: &RefreshReply) {
        let Some(inbox) = message.reply.clone() else {
            return;
        };
        let publishing = self.client().publish(inbox, reply.encode_to_vec().into());
        if !matches!(
            tokio::time::timeout(HAND_OVER, publishing).await,
            Ok(Ok(()))
        ) {
            tracing::debug!("a refresh request was not replied to");
        }
    }
}

fn refreshed(integration_id: &str) -> String {
    format!("note.refreshed.{integration_id}")
}

fn busy() -> RefreshReply {
    RefreshReply {
        outcome: RefreshOutcome::Busy.into(),
        ..RefreshReply::default()
    }
}

fn trace_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(traceparent) = current_traceparent() {
        headers.insert(TRACEPARENT, traceparent.as_str());
    }
    headers
}
