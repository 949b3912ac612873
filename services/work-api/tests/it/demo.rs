//! `work-api demo` where something goes wrong. That it succeeds is in `lifecycle`.

use crate::binary::{stderr, stdout, work_api};
use crate::dev::{Dev, data_dir, dev_on_shared_servers};
use crate::provider::Provider;

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_ends_the_demo_which_leaves_no_environment() {
    let folder = data_dir();
    let dev = Dev::start(dev_on_shared_servers(folder.path()).await, folder.path()).await;
    Provider::of(&dev).refuse_next_token().await;

    let demo = work_api()
        .args(["demo", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();

    let environments = work_api()
        .args(["admin", "environment", "list", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(demo.status.code(), Some(1));
    assert!(
        stdout(&demo).ends_with("→ authorize it: the user consents on the provider's page"),
        "{demo:?}"
    );
    assert!(
        stderr(&demo).contains("error=provider_unavailable"),
        "{demo:?}"
    );
    assert_eq!(stdout(&environments).lines().count(), 1);
    dev.stop().await;
}
