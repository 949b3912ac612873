//! The throughput bench in small: nothing is measured, but everything is rotated once.

use workapi_benches::Urls;
use workapi_benches::due_selection::Selection;
use workapi_benches::on_demand::Calls;
use workapi_benches::throughput::{self, NatsSync, Options};
use workapi_sandbox::RotationClass;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_rotated_just_once() {
    let options = Options {
        data_dir: None,
        credentials: 400,
        class: RotationClass::D,
        refreshers: 2,
        at_once: 8,
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

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_reads_little_of_the_index_whatever_is_stored() {
    let urls = Urls::from_environment().unwrap();

    let selection = Selection::measure(&urls, 20_000, 5).await.unwrap();

    // A hundred are claimed. Entries of those that were claimed before may be passed over, and more
    // of them while other tests keep a transaction open.
    assert!(selection.entries <= 1_000, "{selection:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_for_a_token_that_is_there_gets_it() {
    let urls = Urls::from_environment().unwrap();

    let calls = Calls::measure(&urls, 50, 400).await.unwrap();

    assert_eq!(calls.served(), 400);
}
