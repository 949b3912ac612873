//! `work-api check-config`, and what every command does with bad settings.

use serde_json::{Value, json};

use crate::binary::{stderr, stdout, work_api};

#[test]
fn a_setting_is_shown_with_its_origin_and_a_secret_is_not_shown() {
    let output = work_api()
        .args(["check-config", "--output", "json"])
        .env("WORK_API_REDIS_URL", "redis://:hunter2@127.0.0.1")
        .output()
        .unwrap();

    let settings: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(
        settings["redis_url"],
        json!({ "value": "(hidden)", "origin": "WORK_API_REDIS_URL" })
    );
    assert_eq!(
        settings["log_format"],
        json!({ "value": "text", "origin": "default" })
    );
    assert!(!stdout(&output).contains("hunter2"));
}

#[test]
fn what_could_cost_a_grant_is_warned_of() {
    let check = |settings: &[(&str, &str)]| {
        let mut checking = work_api();
        checking.arg("check-config").envs(settings.iter().copied());
        stderr(&checking.output().unwrap()).to_owned()
    };
    let nats = ("WORK_API_NATS_URL", "nats://127.0.0.1:4222");
    let spill = ("WORK_API_SPILL_DIR", "/var/lib/work-api/spill");

    let warned = check(&[nats]);

    assert!(warned.contains("warning: NATS must not lose"), "{warned}");
    assert!(warned.contains("sync_interval: always"), "{warned}");
    assert!(warned.contains("WORK_API_SPILL_DIR is not set"), "{warned}");
    assert!(!check(&[nats, spill]).contains("WORK_API_SPILL_DIR"));
    assert_eq!(check(&[spill]), "");
}

#[test]
fn a_bad_setting_ends_with_64_and_is_named() {
    let output = work_api()
        .arg("check-config")
        .env("WORK_API_POSTGRES_ULR", "postgres://127.0.0.1/x")
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(64));
    assert_eq!(
        stderr(&output),
        "work-api: WORK_API_POSTGRES_ULR is not a setting: is WORK_API_POSTGRES_URL meant?\n"
    );
}

#[test]
fn the_version_names_the_commit() {
    let output = work_api().arg("--version").output().unwrap();

    let (name, commit) = stdout(&output).split_once(" (").unwrap();
    assert_eq!(name, concat!("work-api ", env!("CARGO_PKG_VERSION")));
    assert!(commit.len() > 1 && commit.ends_with(')'), "{commit}");
}
