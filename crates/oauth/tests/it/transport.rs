use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wiremock::http::HeaderName;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};
use workapi_oauth::{
    Client, HttpClient, RefreshRequest, TokenAnswer, TokenError, TransportError, classify,
};
use workapi_providers::{Action, Manifest};
use workapi_types::RefreshToken;

use crate::provider::{CLIENT_ID, Provider, TOKENS, assert_discreet, manifest};

const DEADLINE: Duration = Duration::from_secs(5);

async fn refresh(manifest: &Manifest, deadline: Duration) -> Result<TokenAnswer, TokenError> {
    Client::new(HttpClient::new().unwrap())
        .refresh(RefreshRequest {
            manifest,
            client_id: CLIENT_ID,
            client_secrets: &[],
            refresh_token: &RefreshToken::new("canary-refresh"),
            deadline,
        })
        .await
}

/// Starts a server that reads one request, writes `answer`, and then either hangs up
/// or stays silent. Returns the manifest of a provider there.
async fn raw_provider(answer: &'static str, hangs_up: bool) -> Manifest {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert_ne!(stream.read(&mut request).await.unwrap(), 0);
        stream.write_all(answer.as_bytes()).await.unwrap();
        if !hangs_up {
            std::future::pending::<()>().await;
        }
    });
    manifest(&base, "")
}

#[tokio::test]
async fn a_provider_that_can_not_be_reached_has_seen_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);

    let error = refresh(&manifest(&base, ""), DEADLINE).await.unwrap_err();

    assert!(matches!(
        error,
        TokenError::Transport(TransportError::NotSent(_))
    ));
    assert!(!error.may_have_taken_effect());
    assert_discreet(&error);
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_answer_leaves_the_outcome_open() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"access_token\":\"canary";
    let manifest = raw_provider(answer, true).await;

    let error = refresh(&manifest, DEADLINE).await.unwrap_err();

    assert!(matches!(
        error,
        TokenError::Transport(TransportError::Broken(_))
    ));
    assert!(error.may_have_taken_effect());
    assert_eq!(classify(&manifest, &error).action, Action::Wait);
    assert_discreet(&error);
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_leaves_the_outcome_open() {
    let manifest = raw_provider("", true).await;

    let error = refresh(&manifest, DEADLINE).await.unwrap_err();

    assert!(error.may_have_taken_effect(), "{error:?}");
}

#[tokio::test]
async fn the_deadline_covers_the_body_too() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"access_token\":\"canary";
    let manifest = raw_provider(answer, false).await;

    let error = refresh(&manifest, Duration::from_millis(100))
        .await
        .unwrap_err();

    assert!(matches!(
        error,
        TokenError::Transport(TransportError::TimedOut(_))
    ));
    assert!(error.may_have_taken_effect());
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    let padding = " ".repeat(256 * 1024);
    let provider = Provider::answering("", 200, &format!("{TOKENS}{padding}")).await;

    let error = refresh(&provider.manifest, DEADLINE).await.unwrap_err();

    assert!(matches!(
        error,
        TokenError::Transport(TransportError::TooLarge)
    ));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_raw(TOKENS, "application/json"))
        .expect(0)
        .mount(&elsewhere)
        .await;
    for status in [301, 302, 303, 307, 308] {
        let provider = Provider::start("").await;
        let redirect = ResponseTemplate::new(status).insert_header("location", elsewhere.uri());
        provider.answer("/token", redirect).await;

        let error = refresh(&provider.manifest, DEADLINE).await.unwrap_err();

        assert!(matches!(error, TokenError::Rejected { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_provider_learns_nothing_of_our_traces() {
    let provider = Provider::answering("", 200, TOKENS).await;

    refresh(&provider.manifest, DEADLINE).await.unwrap();

    let request = provider.request().await;
    let mut headers: Vec<_> = request.headers.keys().map(HeaderName::as_str).collect();
    headers.sort_unstable();
    assert_eq!(
        headers,
        [
            "accept",
            "content-length",
            "content-type",
            "host",
            "user-agent"
        ]
    );
}
