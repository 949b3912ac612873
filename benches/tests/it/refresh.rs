//! The throughput bench in small: nothing is measured, but everything is rotated once.

use workapi_benches::Urls;
use workapi_benches::throughput::{self, NatsSync, Options};
use workapi_sandbox::RotationClass;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_rotated_just_once() {
    let options = Options {
        data_dir: None,
        credentials: 400,
        class: RotationClass::D,
        refreshers: 2,
        latency_ms: 5,
        at_most: 100,
        quiet: true,
    };

    let report = throughput::run(
        &options,
        &Urls::from_environment().unwrap(),
        NatsSync::Default,
    )
    .await
    .unwrap();

    assert_eq!(report.committed, 400);
    assert_eq!(report.not_once_at_provider, 0);
    assert_eq!(report.not_once_in_vault, 0);
}
