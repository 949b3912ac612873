//! Revocations whose processes die.

use workapi_types::IntegrationId;
use workapi_vault::{ProviderRevocation, Retry, RevocationStart, State};

use crate::credential::{assert_about, row, times};
use crate::fixture::{DEADLINE, Fixture};

impl Fixture {
    /// Begins the revocation of `integration` once more.
    async fn start_revocation(&self, integration: &IntegrationId) -> RevocationStart {
        let job = self.job(integration).await;
        self.refresher
            .start_revocation(&job, DEADLINE)
            .await
            .unwrap()
    }

    /// Returns a deleted integration, three of whose revocation jobs died with their process.
    async fn dying_revocation(&self) -> IntegrationId {
        let integration = self.connected().await;
        self.auth.delete(&integration).await.unwrap();
        for _ in 0..3 {
            self.revocation(&integration).await;
            self.end_lease(&integration).await;
        }
        integration
    }
}

#[tokio::test]
async fn three_dead_jobs_park_a_revocation_until_its_time_is_over() {
    let vault = Fixture::new().await;
    let integration = vault.dying_revocation().await;

    let start = vault.start_revocation(&integration).await;

    assert!(matches!(start, RevocationStart::Poisoned));
    let row = row(&vault.sql, &integration).await;
    assert_eq!((row.state.as_str(), row.unfinished_jobs), ("revoking", 3));
    assert_eq!(row.lease_token, None);
    let times = times(&vault.sql, &integration).await;
    assert_about(times.due_in, 24.0 * 3600.0);
    assert_eq!(times.due_in, times.revoke_for);
    assert_eq!(vault.events().await, ["connected"]);
}

#[tokio::test]
async fn what_is_out_of_time_is_shredded_however_many_jobs_died() {
    let vault = Fixture::new().await;
    let integration = vault.dying_revocation().await;
    vault.start_revocation(&integration).await;
    vault
        .execute(
            "UPDATE credential SET revoke_until = now() WHERE integration_id = $1",
            &integration,
        )
        .await;

    let start = vault.start_revocation(&integration).await;

    let RevocationStart::Leased(lease) = start else {
        panic!("the time is over, yet {start:?}");
    };
    assert!(lease.out_of_time);
    let finish = vault
        .refresher
        .finish_revocation(&lease, ProviderRevocation::Failed);
    finish.await.unwrap();
    assert_eq!(row(&vault.sql, &integration).await.state, "revoked");
}

#[tokio::test]
async fn an_operator_has_a_parked_revocation_tried_again() {
    let vault = Fixture::new().await;
    let integration = vault.dying_revocation().await;
    vault.start_revocation(&integration).await;

    let retry = vault.auth.retry(&integration).await.unwrap();

    assert_eq!(retry, Retry::Due(State::Revoking));
    assert_about(times(&vault.sql, &integration).await.due_in, 0.0);
    let lease = vault.revocation(&integration).await;
    assert_eq!(lease.refresh_token.unwrap().expose(), "refresh-1");
}

#[tokio::test]
async fn a_revocation_that_is_put_off_has_not_died() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.auth.delete(&integration).await.unwrap();

    for _ in 0..4 {
        let lease = vault.revocation(&integration).await;
        let put_off = vault.refresher.retry_revocation(&lease, None).await;
        put_off.unwrap();
    }

    assert_eq!(row(&vault.sql, &integration).await.unfinished_jobs, 0);
}

#[tokio::test]
async fn the_jobs_that_died_before_the_deletion_do_not_count() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.poison(&integration).await;

    vault.auth.delete(&integration).await.unwrap();

    let start = vault.start_revocation(&integration).await;
    assert!(matches!(start, RevocationStart::Leased(_)));
}
