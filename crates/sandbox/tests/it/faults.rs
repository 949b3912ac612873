//! Faults on demand, seen from the wire.

use std::time::{Duration, Instant};

use reqwest::header;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::{Url, form_urlencoded};

use crate::provider::{Provider, SECRET};

/// Refreshes over a bare connection and returns every byte that comes back
/// until the sandbox closes it.
async fn raw_refresh(provider: &Provider, tokens: &Value) -> Vec<u8> {
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", "demo"),
            ("client_secret", SECRET),
        ])
        .finish();
    let head = format!(
        "POST /token HTTP/1.1\r\nHost: sandbox\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let address = provider.url.socket_addrs(|| None).unwrap()[0];
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all([head, body].concat().as_bytes())
        .await
        .unwrap();
    let mut received = Vec::new();
    // A reset is as good as an end: what counts is that nothing was received.
    let _ = stream.read_to_end(&mut received).await;
    received
}

#[tokio::test]
async fn a_status_fault_answers_as_often_as_asked_and_changes_nothing() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    let fault = json!({
        "endpoint": "token", "kind": "status", "status": 429,
        "retry_after_seconds": 7, "count": 2,
    });
    provider.add_fault(fault).await;

    for _ in 0..2 {
        let response = provider.refresh("demo", &tokens).await;

        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body, json!({ "error": "temporarily_unavailable" }));
    }
    provider
        .assert_counters("demo", json!({ "refreshes": 0 }))
        .await;
    provider.refreshed("demo", &tokens).await;
}

#[tokio::test]
async fn a_status_fault_can_name_its_error() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    let fault = json!({
        "endpoint": "token", "kind": "status", "status": 400, "error": "invalid_grant",
    });
    provider.add_fault(fault).await;

    let response = provider.refresh("demo", &tokens).await;

    assert_eq!(response.status(), 400);
    assert!(!response.headers().contains_key(header::RETRY_AFTER));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({ "error": "invalid_grant" }));
}

#[tokio::test]
async fn drop_before_closes_the_connection_and_does_nothing() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    provider
        .add_fault(json!({ "endpoint": "token", "kind": "drop_before" }))
        .await;

    let received = raw_refresh(&provider, &tokens).await;

    assert_eq!(received, b"");
    let counted = json!({ "refreshes": 0, "answers_dropped": 0 });
    provider.assert_counters("demo", counted).await;
    provider.refreshed("demo", &tokens).await;
}

#[tokio::test]
async fn drop_after_does_everything_but_answer() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    provider
        .add_fault(json!({ "endpoint": "token", "kind": "drop_after" }))
        .await;

    let received = raw_refresh(&provider, &tokens).await;

    assert_eq!(received, b"");
    let counted = json!({ "refreshes": 1, "answers_dropped": 1 });
    provider.assert_counters("demo", counted).await;
    provider.refresh_refused("demo", &tokens).await;
    provider
        .assert_counters("demo", json!({ "reuse_detected": 1 }))
        .await;
}

#[tokio::test]
async fn an_http_client_sees_a_dropped_answer_as_a_broken_connection() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    provider
        .add_fault(json!({ "endpoint": "userinfo", "kind": "drop_after" }))
        .await;
    let token = tokens["access_token"].as_str().unwrap();
    let request = provider.http.get(provider.url.join("/userinfo").unwrap());

    let error = request.bearer_auth(token).send().await.unwrap_err();

    assert!(error.is_request(), "{error:?}");
    provider
        .assert_counters("demo", json!({ "answers_dropped": 1 }))
        .await;
}

#[tokio::test]
async fn a_delay_comes_before_the_work() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    let fault = json!({ "endpoint": "revoke", "kind": "delay", "delay_ms": 150 });
    provider.add_fault(fault).await;
    let started = Instant::now();

    let response = provider.revoke(&tokens["refresh_token"]).await;

    assert!(started.elapsed() >= Duration::from_millis(150));
    assert_eq!(response.status(), 200);
    provider.refresh_refused("demo", &tokens).await;
}

#[tokio::test]
async fn a_delayed_request_is_served_although_its_client_has_gone() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    let fault = json!({ "endpoint": "revoke", "kind": "delay", "delay_ms": 200 });
    provider.add_fault(fault).await;
    let form = [("token", tokens["refresh_token"].as_str().unwrap())];
    let url = provider.url.join("/revoke").unwrap();

    let impatient = provider.http.post(url).form(&form);
    let given_up = impatient.timeout(Duration::from_millis(100)).send().await;

    assert!(given_up.unwrap_err().is_timeout());
    while provider.counters().await["total"]["revocations"] != 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn deleting_the_faults_ends_them() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    let fault = json!({ "endpoint": "token", "kind": "status", "count": 1000 });
    provider.add_fault(fault).await;
    let url = provider.admin_url.join("/faults").unwrap();

    let response = provider.http.delete(url).send().await.unwrap();

    assert_eq!(response.status(), 204);
    provider.refreshed("demo", &tokens).await;
}

#[tokio::test]
async fn a_delay_that_has_begun_ends_with_the_faults() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    let fault = json!({ "endpoint": "revoke", "kind": "delay", "delay_ms": 3_600_000 });
    provider.add_fault(fault).await;
    let faults = provider.admin_url.join("/faults").unwrap();
    let end_faults = async {
        while pending(&provider, &faults).await != json!([]) {
            tokio::task::yield_now().await;
        }
        provider.http.delete(faults.clone()).send().await.unwrap();
    };

    let (response, ()) = tokio::join!(provider.revoke(&tokens["refresh_token"]), end_faults);

    assert_eq!(response.status(), 200);
    provider
        .assert_counters("demo", json!({ "revocations": 1 }))
        .await;
}

/// Returns the faults that are still to happen.
async fn pending(provider: &Provider, faults: &Url) -> Value {
    let response = provider.http.get(faults.clone()).send().await.unwrap();
    response.json().await.unwrap()
}
