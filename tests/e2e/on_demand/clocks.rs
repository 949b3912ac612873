//! FM-07: clocks that are wrong, and tokens that are refused before their time.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use workapi_tests::Options;
use workapi_vault::Refusal;

use super::Connected;

/// What the provider takes for the present, as long as what it replaces.
const LONG_AGO: &[u8] = b"date: Thu, 01 Jan 1970 00:00:00 GMT";

/// A way to the sandbox's token endpoint on which every answer is dated 1970.
struct Skewed {
    manifest: String,
    sandbox: watch::Sender<Option<String>>,
    dated: watch::Receiver<usize>,
}

impl Skewed {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sandbox, at) = watch::channel(None);
        let (dating, dated) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let at = at.clone().wait_for(Option::is_some).await.unwrap().clone();
                let sandbox = TcpStream::connect(at.unwrap()).await.unwrap();
                let (mut requests, answers) = client.into_split();
                let (from_sandbox, mut to_sandbox) = sandbox.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut requests, &mut to_sandbox).await });
                tokio::spawn(date_back(from_sandbox, answers, dating.clone()));
            }
        });
        Self {
            manifest: format!("[endpoints]\ntoken = \"http://{address}/token\"\n"),
            sandbox,
            dated,
        }
    }
}

/// Passes answers on with another date. Each head comes in one piece, as the sandbox writes it.
async fn date_back(
    mut sandbox: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    dated: watch::Sender<usize>,
) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = sandbox.read(&mut piece).await {
        let piece = &mut piece[..length];
        let date = piece.windows(6).position(|window| window == b"date: ");
        if let Some(date) = date {
            piece[date..date + LONG_AGO.len()].copy_from_slice(LONG_AGO);
            dated.send_modify(|dated| *dated += 1);
        }
        if client.write_all(piece).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn fm_07_a_provider_whose_clock_is_wrong_changes_nothing() {
    let skewed = Skewed::open().await;
    let options = Options {
        manifests: vec![("sandbox", skewed.manifest.clone())],
        ..Options::default()
    };
    let stack = workapi_tests::Stack::start_with(options).await;
    let sandbox = stack.sandbox_url();
    let sandbox = format!(
        "{}:{}",
        sandbox.host_str().unwrap(),
        sandbox.port().unwrap()
    );
    skewed.sandbox.send(Some(sandbox)).unwrap();
    let id = stack.user().await.connect("email", super::ANN).await;
    let vault = stack.access_vault().await;
    let connected = Connected { stack, id, vault };

    let before = connected.token().await;
    connected.stack.expire(&connected.id).await;
    let after = connected.token().await;

    assert_eq!((before.generation, after.generation), (1, 2));
    for granted in [before, after] {
        let left = granted.expires_at - Instant::now();
        assert!(left <= Duration::from_hours(1), "{left:?}");
        assert!(left > Duration::from_mins(58), "{left:?}");
    }
    assert_eq!(*skewed.dated.borrow(), 2, "both answers were dated back");
    connected.assert_refreshes(1).await;
}

#[tokio::test]
async fn fm_07_a_token_that_is_refused_before_its_time_is_refreshed_once() {
    let connected = Connected::start(Options::default()).await;
    let refused = connected.token().await;

    let newer = connected.after_refusal(&refused).await;
    let refusal = connected
        .vault
        .access_token_refused(&connected.integration(), newer.grant_id, newer.generation)
        .await;
    let same = connected.token().await;

    assert_eq!((refused.generation, newer.generation), (1, 2));
    assert_eq!(refusal.unwrap(), Refusal::Repeated);
    assert_eq!(same.generation, 2);
    connected.assert_refreshes(1).await;
}
