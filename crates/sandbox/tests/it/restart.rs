//! The state file: what a restart keeps.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;
use workapi_sandbox::{Config, Error, RotationClass, Sandbox};

use crate::provider::{Provider, client};

async fn start(state_file: &Path) -> Provider {
    Provider::start_configured(Config {
        seed_clients: vec![client("demo", RotationClass::D)],
        state_file: Some(state_file.to_owned()),
        ..Config::default()
    })
    .await
}

#[tokio::test]
async fn grants_counters_and_keys_survive_a_restart() {
    let directory = tempdir().unwrap();
    let state_file = directory.path().join("sandbox.json");
    let before = start(&state_file).await;
    let connected = before.connect("demo").await;
    let tokens = before.refreshed("demo", &connected).await;
    let keys: Value = before.get("/jwks").await.json().await.unwrap();
    before.stop().await;

    let after = start(&state_file).await;

    let keys_after: Value = after.get("/jwks").await.json().await.unwrap();
    assert_eq!(keys_after, keys);
    assert_eq!(after.userinfo(&tokens).await.status(), 200);
    after.refreshed("demo", &tokens).await;
    let counted = json!({ "exchanges": 1, "refreshes": 2, "double_spends": 0 });
    after.assert_counters("demo", counted).await;
    after.refresh_refused("demo", &connected).await;
}

#[tokio::test]
async fn an_answer_is_in_the_file_before_it_is_sent() {
    let directory = tempdir().unwrap();
    let state_file = directory.path().join("sandbox.json");
    let killed = start(&state_file).await;
    let tokens = killed.connect("demo").await;
    let refreshes = (0..8).map(|_| killed.connect("demo"));
    let others = futures::future::join_all(refreshes).await;
    let left_behind = directory.path().join("left-behind.json");
    fs::copy(&state_file, &left_behind).unwrap();

    let after = start(&left_behind).await;

    after.refreshed("demo", &tokens).await;
    for tokens in &others {
        after.refreshed("demo", tokens).await;
    }
}

#[tokio::test]
async fn a_code_can_be_exchanged_after_a_restart() {
    let directory = tempdir().unwrap();
    let state_file = directory.path().join("sandbox.json");
    let before = start(&state_file).await;
    let code = before.code(&crate::provider::request()).await;
    before.stop().await;

    let after = start(&state_file).await;

    assert_eq!(after.exchange("demo", &code).await.status(), 200);
}

#[tokio::test]
async fn the_state_file_is_for_its_owner_only() {
    let directory = tempdir().unwrap();
    let state_file = directory.path().join("sandbox.json");

    let provider = start(&state_file).await;
    provider.connect("demo").await;

    let mode = fs::metadata(&state_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let files = fs::read_dir(directory.path()).unwrap();
    assert_eq!(files.count(), 1);
}

#[tokio::test]
async fn a_state_file_that_makes_no_sense_stops_the_start() {
    let directory = tempdir().unwrap();
    let state_file = directory.path().join("sandbox.json");

    for (content, expected) in [
        ("{", "failed to parse sandbox state"),
        (
            r#"{"format":9,"signing_key":"","ledger":{}}"#,
            "has format 9, expected 1",
        ),
    ] {
        fs::write(&state_file, content).unwrap();
        let config = Config {
            state_file: Some(state_file.clone()),
            ..Config::default()
        };

        let error = Sandbox::build(config).await.err().unwrap();

        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_state_file_that_cannot_be_written_stops_the_start() {
    let directory = tempdir().unwrap();
    let config = Config {
        state_file: Some(directory.path().join("missing/sandbox.json")),
        ..Config::default()
    };

    let error = Sandbox::build(config).await.err().unwrap();

    assert!(matches!(error, Error::WriteState { .. }), "{error}");
}
