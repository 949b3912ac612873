//! What `dev` says, in one line, when it cannot start.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use crate::binary::{stderr, work_api};
use crate::dev::{data_dir, dev};

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do_before_any_server_starts() {
    let folder = data_dir();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let output = work_api()
        .args(["dev", "--listen", &address, "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();

    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with(&format!("work-api: failed to listen on {address}: ")));
    assert!(said.ends_with(": choose another address with --listen\n"));
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn a_bad_manifest_is_bad_configuration_and_is_named_with_key_and_reason() {
    let folder = data_dir();
    let manifest = folder.path().join("gcal.toml");
    fs::write(&manifest, "[endpoints]\ntoken = \"http://example.test/\"\n").unwrap();

    let output = dev(&folder.path().join("data"))
        .env("WORK_API_PROVIDERS_DIR", folder.path())
        .output()
        .unwrap();

    let expected = format!(
        "work-api: failed to load the provider manifest {}: `endpoints.token`: must be an https:// \
         URL; http:// is allowed for loopback hosts only\n",
        manifest.display()
    );
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(stderr(&output), expected);
}

#[test]
fn a_bad_log_filter_is_bad_configuration() {
    let folder = data_dir();

    let output = dev(folder.path())
        .env("WORK_API_LOG", "info,workapi_auth=loud")
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).starts_with("work-api: WORK_API_LOG: failed to parse the log filter"));
}

#[test]
fn a_data_directory_that_cannot_be_one_is_named() {
    let output = dev(Path::new("/dev/null")).output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).starts_with("work-api: cannot use /dev/null as the data directory"),
        "{output:?}"
    );
}

#[test]
fn without_a_dev_the_commands_that_need_one_say_so() {
    let folder = data_dir();

    let outputs = [&["demo"][..], &["admin", "environment", "list"]].map(|command| {
        let mut work_api = work_api();
        work_api
            .args(command)
            .arg("--data-dir")
            .arg(folder.path())
            .output()
            .unwrap()
    });

    for output in outputs {
        assert_no_dev(&output, folder.path());
    }
}

fn assert_no_dev(output: &Output, data_dir: &Path) {
    let expected = format!(
        "work-api: no work-api dev runs on {}: start one, or name its --data-dir\n",
        data_dir.display()
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(output), expected);
}
