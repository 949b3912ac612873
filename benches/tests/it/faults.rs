//! The fault bench in small, on the shared servers, which are left alone.

use workapi_benches::accounting::Verdict;
use workapi_benches::{Urls, faults};

#[tokio::test(flavor = "multi_thread")]
async fn a_few_credentials_survive_kills_and_a_bad_provider() {
    let options = faults::Options {
        data_dir: None,
        seed: None,
        credentials: 40,
        token_seconds: 2,
        refreshers: 2,
        auths: 1,
        kill_every_ms: 700,
        fault_rate: 8.0,
        longest_delay: 2,
        deadline: 1,
        seconds: 0,
        rotations: 100,
        kills: 4,
        at_most: 60,
        end_leases: true,
        quiet: true,
    };

    let report = faults::run(options, Urls::from_environment().unwrap())
        .await
        .unwrap();

    let account = &report.account;
    let said = format!("{:?}, lost: {:?}", account.verdicts, account.lost);
    assert_eq!(report.violations(), Vec::<String>::new(), "{said}");
    assert_eq!(report.doubts(), Vec::<String>::new(), "{said}");
    assert!(account.count(Verdict::Kept) >= 80, "{said}");
}
