//! Servers that are away, slow, or refuse.

use std::error::Error as _;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::time::Instant;
use workapi_redis::{Error, Redis, TIMEOUT};
use workapi_testkit::{Proxy, redis_url, unique_prefix};

use crate::connect;

/// Returns an error with everything that it would ever print.
fn whole(error: &Error) -> String {
    let source = error.source().map(ToString::to_string);
    format!("{error} {} {error:?}", source.unwrap_or_default())
}

async fn refusal(url: &str) -> Error {
    let url = SecretString::from(url);
    Redis::connect(&url, "").await.unwrap_err()
}

/// Returns the server as `host:port`, without the credentials of its URL.
fn server_address() -> String {
    let url = redis_url();
    let authority = url.expose_secret().trim_start_matches("redis://");
    let authority = authority.split('/').next().unwrap();
    authority.rsplit('@').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_server_that_answers_is_pinged() {
    let redis = connect().await;

    redis.ping().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_away_is_named_without_the_credentials() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    for scheme in ["redis", "rediss"] {
        let url = format!("{scheme}://app:hunter2@{address}/0");
        let error = refusal(&url).await;

        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains(&address.to_string()));
        assert!(!whole(&error).contains("hunter2"));
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_not_shown() {
    let url = format!("redis://app:hunter2@{}", server_address());

    let error = refusal(&url).await;

    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert!(!whole(&error).contains("hunter2"));
}

#[tokio::test]
async fn a_malformed_url_is_refused_and_not_shown() {
    for url in [
        "",
        "localhost:6379",
        "http://hunter2@host",
        "redis://a:hunter2@host:port",
    ] {
        let error = refusal(url).await;

        assert!(matches!(error, Error::Url(_)), "{url}");
        assert!(!whole(&error).contains("hunter2"), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let start = Instant::now();

    let error = refusal(&url).await;

    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(start.elapsed() <= TIMEOUT + Duration::from_millis(10));
}

#[tokio::test]
async fn a_lost_connection_is_unavailable_and_comes_back_by_itself() {
    let proxy = Proxy::open(&redis_url()).await;
    let redis = Redis::connect(&proxy.lead(&redis_url()), unique_prefix())
        .await
        .unwrap();
    redis
        .set_once("state", b"sealed", Duration::from_mins(1))
        .await
        .unwrap();

    proxy.cut().await;
    let start = Instant::now();
    let error = redis.take("state").await.unwrap_err();
    let waited = start.elapsed();
    proxy.reopen().await;
    let value = loop {
        if let Ok(value) = redis.take("state").await {
            break value;
        }
    };

    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(waited < TIMEOUT * 2, "{waited:?}");
    assert_eq!(value.as_deref(), Some(&b"sealed"[..]));
}
