//! The sandbox in its own process: grants without a browser, and the journal of what was presented.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use url::{Url, form_urlencoded};
use workapi_sandbox::{Answer, Config, FaultRates, Presentation, RotationClass};

use crate::provider::{Provider, SECRET, client};

/// Runs a sandbox that keeps a journal, with the client `demo`.
async fn provider() -> Provider {
    Provider::start_configured(Config {
        seed_clients: vec![client("demo", RotationClass::D)],
        keep_journal: true,
        ..Config::default()
    })
    .await
}

/// Makes a grant without a browser, as a token answer.
async fn issued(provider: &Provider) -> Value {
    let grant = provider.control.issue("demo").await.unwrap();
    json!({ "access_token": grant.access_token, "refresh_token": grant.refresh_token })
}

/// Waits for the journal's only entry to be as wanted.
async fn entry(provider: &Provider, is_wanted: impl Fn(&Presentation) -> bool) -> Presentation {
    loop {
        let mut journal = provider.control.journal();
        if journal.len() == 1 && is_wanted(&journal[0]) {
            return journal.remove(0);
        }
        tokio::task::yield_now().await;
    }
}

/// Sends a refresh over a connection of its own and leaves the answer there.
async fn send_refresh(provider: &Provider, tokens: &Value) -> TcpStream {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
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
    let request = [head, body].concat();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_grant_without_a_browser_is_a_grant() {
    let provider = provider().await;

    let grant = provider.control.issue("demo").await.unwrap();

    let tokens = json!({ "access_token": grant.access_token });
    assert_eq!(provider.userinfo(&tokens).await.status(), 200);
    let standing = provider.control.examine(&grant.refresh_token).unwrap();
    assert_eq!(standing.grant, grant.id);
    assert_eq!(standing.serial, grant.serial);
    assert!(standing.is_honoured);
    assert!(provider.control.issue("nobody").await.is_err());
    assert_eq!(provider.control.examine(&grant.access_token), None);
}

#[tokio::test]
async fn a_spent_token_is_not_honoured_and_its_successor_is() {
    let provider = provider().await;
    let tokens = issued(&provider).await;
    let successor = provider.refreshed("demo", &tokens).await;

    let honoured = |tokens: &Value| {
        let token = tokens["refresh_token"].as_str().unwrap();
        provider.control.examine(token).unwrap().is_honoured
    };

    assert!(!honoured(&tokens));
    assert!(honoured(&successor));
}

#[tokio::test]
async fn the_journal_names_both_tokens_and_an_answer_that_was_read() {
    let provider = provider().await;
    let grant = provider.control.issue("demo").await.unwrap();
    let tokens = json!({ "refresh_token": grant.refresh_token });

    let successor = provider.refreshed("demo", &tokens).await;

    let entry = entry(&provider, |_| true).await;
    let token = successor["refresh_token"].as_str().unwrap();
    let issued = provider.control.examine(token).unwrap().serial;
    assert_eq!(entry.client_id, "demo");
    assert_eq!((entry.grant, entry.serial), (grant.id, grant.serial));
    assert_eq!(entry.issued, Some(issued));
    assert!(entry.accepted && !entry.was_spent && !entry.family_revoked);
    assert_eq!(entry.reached_at, IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert!(matches!(entry.answer, Answer::Written(at) if at >= entry.committed_at));
}

#[tokio::test]
async fn a_token_that_is_presented_again_is_in_the_journal_with_what_it_did() {
    let provider = provider().await;
    let tokens = issued(&provider).await;
    provider.refreshed("demo", &tokens).await;

    provider.refresh_refused("demo", &tokens).await;

    let journal = provider.control.journal();
    let again = &journal[1];
    assert!(!again.accepted && again.was_spent && again.family_revoked);
    assert_eq!(again.issued, None);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_journal_knows_at_which_address_the_sandbox_was_reached() {
    let mut provider = Provider::start_configured(Config {
        listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        seed_clients: vec![client("demo", RotationClass::D)],
        keep_journal: true,
        ..Config::default()
    })
    .await;
    let port = provider.url.port().unwrap();
    provider.url = Url::parse(&format!("http://127.0.0.7:{port}")).unwrap();
    let tokens = issued(&provider).await;

    provider.refreshed("demo", &tokens).await;

    let entry = entry(&provider, |_| true).await;
    assert_eq!(entry.reached_at, IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7)));
}

#[tokio::test]
async fn an_answer_that_a_fault_keeps_is_dropped() {
    let provider = provider().await;
    let tokens = issued(&provider).await;
    provider
        .add_fault(json!({ "endpoint": "token", "kind": "drop_after" }))
        .await;

    drop(send_refresh(&provider, &tokens).await);

    entry(&provider, |entry| {
        matches!(entry.answer, Answer::Dropped(_))
    })
    .await;
}

#[tokio::test]
async fn an_answer_to_a_client_that_has_gone_is_broken() {
    let provider = provider().await;
    let tokens = issued(&provider).await;
    provider
        .add_fault(json!({ "endpoint": "token", "kind": "delay", "delay_ms": 100 }))
        .await;

    drop(send_refresh(&provider, &tokens).await);

    let entry = entry(&provider, |entry| entry.answer != Answer::Pending).await;
    assert!(matches!(entry.answer, Answer::Broken(_)), "{entry:?}");
}

#[tokio::test]
async fn an_answer_that_was_left_in_the_connection_is_unread() {
    let provider = provider().await;
    let tokens = issued(&provider).await;
    let stream = send_refresh(&provider, &tokens).await;
    stream.readable().await.unwrap();

    drop(stream);

    entry(&provider, |entry| matches!(entry.answer, Answer::Unread(_))).await;
}

#[tokio::test]
async fn delay_after_rotates_at_once_and_answers_late() {
    let provider = provider().await;
    let tokens = issued(&provider).await;
    let fault = json!({ "endpoint": "token", "kind": "delay_after", "delay_ms": 3_600_000 });
    provider.add_fault(fault).await;

    let stream = send_refresh(&provider, &tokens).await;
    let early = entry(&provider, |_| true).await;
    provider.control.end_faults();

    assert_eq!(early.answer, Answer::Pending);
    stream.readable().await.unwrap();
    entry(&provider, |entry| {
        matches!(entry.answer, Answer::Written(_))
    })
    .await;
}

#[tokio::test]
async fn faults_at_random_happen_at_their_rate_and_end() {
    let provider = provider().await;
    let tokens = issued(&provider).await;
    provider.control.set_fault_rates(FaultRates {
        rate_limited: 1.0,
        longest_retry_after: 1,
        longest_delay: Duration::from_secs(1),
        ..FaultRates::default()
    });

    let limited = provider.refresh("demo", &tokens).await;
    provider.control.end_faults();

    assert_eq!(limited.status(), 429);
    assert_eq!(limited.headers()["retry-after"], "1");
    assert_eq!(provider.control.fault_counts().rate_limited, 1);
    provider.refreshed("demo", &tokens).await;
}
