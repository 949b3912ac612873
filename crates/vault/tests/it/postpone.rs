//! Rotations that are put off before anything is sent.

use std::time::Duration;

use crate::credential::{row, times};
use crate::fixture::Fixture;

#[tokio::test]
async fn what_is_put_off_costs_only_time_and_voids_copies_of_its_job() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let job = vault.job(&integration).await;
    let lease = vault.lease(&integration).await;
    let before = row(&vault.sql, &integration).await;

    vault
        .refresher
        .postpone(&lease, Duration::from_mins(5))
        .await
        .unwrap();

    assert_eq!(vault.attempt(&lease).await, "not_sent");
    let after = row(&vault.sql, &integration).await;
    assert_eq!((after.state.as_str(), after.failures), ("active", 0));
    assert_eq!((after.unfinished_jobs, after.lease_token), (0, None));
    assert_eq!(after.generation, before.generation);
    assert!(after.claim_seq > before.claim_seq && after.claim_seq > job.claim_seq);
    let due_in = times(&vault.sql, &integration).await.due_in.unwrap();
    assert!((280.0..=300.0).contains(&due_in), "{due_in}");
    assert_eq!(vault.events().await, ["connected"]);
}
