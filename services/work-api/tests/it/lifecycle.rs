//! The life of a `dev` with servers of its own: started, shown, stopped, killed, found again.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::json;
use tokio::time::{Duration, Instant};
use workapi_testkit::eventually;

use crate::application::Application;
use crate::binary::{stderr, stdout, work_api};
use crate::dev::{Dev, data_dir, dev};
use crate::process::{Process, is_running};
use crate::provider::Provider;

/// How long a stop may take when nothing is in flight (interfaces section 2).
const STOP: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_succeeds_and_a_ctrl_c_leaves_nothing_running() {
    let folder = data_dir();
    let dev = Dev::start(dev(folder.path()), folder.path()).await;

    let demo = work_api()
        .args(["demo", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let healthcheck = work_api()
        .args(["healthcheck", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let second = self::dev(folder.path()).output().unwrap();
    let (servers, json_path) = (dev.servers(), folder.path().join("dev.json"));
    let (dev_json, tour) = (dev.whole_json().clone(), dev.tour().to_owned());
    let json_mode = fs::metadata(&json_path).unwrap().permissions().mode();
    let holder = format!("process id {}", dev.pid().as_raw_pid());
    let start = Instant::now();
    let ended = dev.stop().await;
    let took = start.elapsed();

    assert_eq!(demo.status.code(), Some(0), "{}", stderr(&demo));
    assert!(stdout(&demo).ends_with("Every step did what it says."));
    assert_eq!(stdout(&demo).matches('✓').count(), 8);
    assert_eq!(stdout(&healthcheck), "ok");
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains(&holder), "{second:?}");
    let members: Vec<_> = dev_json.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "admin_token_path",
            "admin_url",
            "auth_grpc_url",
            "environment_guid",
            "integrations_grpc_url",
            "metrics_url",
            "nats_url",
            "postgres_url",
            "private_key_path",
            "redis_url",
            "sandbox_admin_url",
            "sandbox_url",
            "url",
        ]
    );
    assert_eq!(json_mode & 0o777, 0o600);
    assert!(tour.contains(env!("CARGO_BIN_EXE_work-api")), "{tour}");
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(took < STOP, "{took:?}");
    assert!(!json_path.exists());
    assert_eq!(servers.len(), 3);
    assert!(!servers.into_iter().any(is_running));
    // The tour stays in sight: what is only of interest is in the log.
    assert!(!ended.stderr.contains("answered a request"));
    let log = fs::read_to_string(folder.path().join("logs/work-api.log")).unwrap();
    assert!(log.contains("answered a request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_the_next_start_finds_all_state_and_goes_on_refreshing() {
    let folder = data_dir();
    let killed = Dev::start(dev(folder.path()), folder.path()).await;
    // Tokens of this life come due right after the restart.
    let short = json!({ "access_token_seconds": 4 });
    let provider = Provider::of(&killed);
    provider.put_client("work-api-dev", &short).await;
    let mut integration = Application::of(&killed).integration().await;
    integration.connect().await;
    let before = killed.whole_json().clone();

    killed.signal(Signal::KILL);
    killed.ended().await;
    let dev = Dev::start(dev(folder.path()), folder.path()).await;

    for server in ["postgres", "nats", "valkey"] {
        assert!(dev.stderr().contains(&format!("stopped {server}")));
    }
    for same in ["environment_guid", "sandbox_url", "postgres_url"] {
        assert_eq!(dev.json(same), before[same]);
    }
    integration.move_to(dev.json("url"));
    assert!(integration.is_connected().await);
    let provider = Provider::of(&dev);
    eventually("a refresh", async || {
        (provider.count("refreshes").await > 0).then_some(())
    })
    .await;
    assert_eq!(provider.count("double_spends").await, 0);
    assert_eq!(dev.stop().await.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_an_exchange_and_says_so_and_a_second_one_does_not() {
    let folder = data_dir();
    let first = Dev::start(dev(folder.path()), folder.path()).await;
    let mut integration = Application::of(&first).integration().await;
    let callback = integration.consent().await;
    let provider = Provider::of(&first);
    provider.hold_next_token().await;

    let (opened, ended) = tokio::join!(integration.open(callback), async {
        provider.holds_token().await;
        first.signal(Signal::INT);
        first.said("waiting for 1 × authorization").await;
        provider.release().await;
        first.ended().await
    });

    assert_eq!(opened.unwrap(), StatusCode::OK);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);

    let second = Dev::start(dev(folder.path()), folder.path()).await;
    integration.move_to(second.json("url"));
    assert!(integration.is_connected().await);
    let callback = integration.consent().await;
    let provider = Provider::of(&second);
    provider.hold_next_token().await;
    let servers = second.servers();

    let (opened, (ended, took)) = tokio::join!(integration.open(callback), async {
        provider.holds_token().await;
        second.signal(Signal::INT);
        second.said("waiting for 1 × authorization").await;
        let start = Instant::now();
        (second.stop().await, start.elapsed())
    });

    assert!(opened.is_err());
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(took < STOP, "{took:?}");
    assert_eq!(servers.len(), 3);
    assert!(!servers.into_iter().any(is_running));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_broken_off_leaves_nothing_that_stops_the_next() {
    let folder = data_dir();
    let broken_off = Process::start(dev(folder.path()));
    broken_off.said("starting PostgreSQL").await;

    let ended = broken_off.stop(Signal::INT).await;
    let next = Dev::start(dev(folder.path()), folder.path()).await;

    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(!next.stderr().contains("left behind"), "{}", next.stderr());
    assert_eq!(next.stop().await.status.code(), Some(0));
}
