//! Answers whose generation is not there any more, and commits whose own answer was lost.

use std::time::Duration;

use workapi_proto::events::v1::ProviderRevocation;
use workapi_types::IntegrationId;
use workapi_vault::{RevocationStart, RotationLease, SealedAnswer, Settled};

use crate::credential::{assert_about, row, times};
use crate::fixture::{DEADLINE, Fixture, tokens};

const KEEP: Duration = Duration::from_mins(2);

impl Fixture {
    /// Leases `integration` and seals the answer that its provider gives.
    async fn answered(
        &self,
        integration: &IntegrationId,
        name: &str,
    ) -> (Box<RotationLease>, SealedAnswer) {
        let lease = self.lease(integration).await;
        let answer = self.refresher.seal_answer(&lease, &tokens(name)).unwrap();
        (lease, answer)
    }

    async fn commit(&self, lease: &RotationLease, answer: &SealedAnswer) -> Settled {
        let settled = self
            .refresher
            .commit_rotation(lease, answer, Some(KEEP))
            .await;
        settled.unwrap()
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_may_be_repeated() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let (lease, answer) = vault.answered(&integration, "2").await;
    vault.commit(&lease, &answer).await;
    let before = row(&vault.sql, &integration).await;

    let again = vault.commit(&lease, &answer).await;

    assert_eq!(again, Settled::Committed);
    assert_eq!(row(&vault.sql, &integration).await, before);
    assert_eq!(vault.attempt(&lease).await, "committed");
    assert_eq!(vault.events().await, ["connected", "refreshed"]);
}

#[tokio::test]
async fn whatever_comes_after_it_a_repeated_commit_is_known_as_committed() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let (lease, answer) = vault.answered(&integration, "2").await;
    vault.commit(&lease, &answer).await;
    let mut ends = Vec::new();

    let (next, next_answer) = vault.answered(&integration, "3").await;
    vault.commit(&next, &next_answer).await;
    ends.push(vault.commit(&lease, &answer).await);
    vault.connect(&integration).await;
    ends.push(vault.commit(&lease, &answer).await);
    vault.auth.delete(&integration).await.unwrap();
    ends.push(vault.commit(&lease, &answer).await);

    assert_eq!(ends, [Settled::Committed; 3]);
    assert_eq!(vault.count("SELECT count(*) FROM quarantine").await, 0);
    let revocation = vault.revocation(&integration).await;
    assert_eq!(revocation.refresh_token.unwrap().expose(), "refresh-1");
}

#[tokio::test]
async fn an_answer_is_committed_whoever_holds_the_lease() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let (slow, answer) = vault.answered(&integration, "2").await;
    vault.end_lease(&integration).await;
    let thief = vault.lease(&integration).await;

    let settled = vault.commit(&slow, &answer).await;

    assert_eq!(settled, Settled::Committed);
    assert_eq!(vault.attempt(&slow).await, "committed");
    assert_eq!(vault.attempt(&thief).await, "sent");
    let next = vault.lease(&integration).await;
    assert_eq!(next.refresh_token.expose(), "refresh-2");
}

#[tokio::test]
async fn an_answer_that_lost_to_another_attempt_is_kept_aside() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let (slow, slow_answer) = vault.answered(&integration, "slow").await;
    vault.end_lease(&integration).await;
    let (fast, fast_answer) = vault.answered(&integration, "fast").await;
    vault.commit(&fast, &fast_answer).await;
    let before = row(&vault.sql, &integration).await;

    let settled = vault.commit(&slow, &slow_answer).await;
    let again = vault.commit(&slow, &slow_answer).await;

    assert_eq!(
        (settled, again),
        (Settled::Quarantined, Settled::Quarantined)
    );
    assert_eq!(row(&vault.sql, &integration).await, before);
    assert_eq!(vault.attempt(&slow).await, "superseded");
    let kept: (i64, f64) = sqlx::query_as(
        "SELECT generation, extract(epoch FROM kept_until - now())::float8 FROM quarantine",
    )
    .fetch_one(&vault.sql)
    .await
    .unwrap();
    assert_eq!(kept.0, 2);
    assert_about(Some(kept.1), KEEP.as_secs_f64());
}

#[tokio::test]
async fn an_answer_for_a_deleted_integration_waits_to_be_revoked() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let (lease, answer) = vault.answered(&integration, "2").await;
    vault.auth.delete(&integration).await.unwrap();

    let settled = vault.commit(&lease, &answer).await;
    let before = row(&vault.sql, &integration).await;
    let again = vault.commit(&lease, &answer).await;

    assert_eq!((settled, again), (Settled::Deleted, Settled::Deleted));
    assert_eq!(row(&vault.sql, &integration).await, before);
    assert_eq!(vault.attempt(&lease).await, "superseded");
    assert_eq!(vault.events().await, ["connected"]);
    let revocation = vault.revocation(&integration).await;
    assert_eq!(revocation.refresh_token.unwrap().expose(), "refresh-2");
    assert_eq!(revocation.access_token.unwrap().expose(), "access-2");
}

#[tokio::test]
async fn a_revocation_does_not_wait_for_a_refresh_that_is_over() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    let mut received = tokens("2");
    received.refresh_token = None;
    let answer = vault.refresher.seal_answer(&lease, &received).unwrap();
    vault.auth.delete(&integration).await.unwrap();
    let claims = vault.claim_due(1).await;
    let job = crate::fixture::job(&claims[0]);
    let during = vault
        .refresher
        .start_revocation(&job, DEADLINE)
        .await
        .unwrap();

    let settled = vault.commit(&lease, &answer).await;

    assert_eq!(settled, Settled::Deleted);
    assert!(matches!(during, RevocationStart::NothingDue));
    assert_about(times(&vault.sql, &integration).await.due_in, 0.0);
    let revocation = vault.revocation(&integration).await;
    assert_eq!(revocation.refresh_token.unwrap().expose(), "refresh-1");
}

#[tokio::test]
async fn an_answer_for_a_shredded_credential_is_revoked_after_all() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let (lease, answer) = vault.answered(&integration, "2").await;
    vault.auth.delete(&integration).await.unwrap();
    vault.end_lease(&integration).await;
    let revocation = vault.revocation(&integration).await;
    let done = ProviderRevocation::Done;
    vault
        .refresher
        .finish_revocation(&revocation, done)
        .await
        .unwrap();

    let settled = vault.commit(&lease, &answer).await;

    assert_eq!(settled, Settled::Deleted);
    let revocation = vault.revocation(&integration).await;
    assert_eq!(revocation.refresh_token.unwrap().expose(), "refresh-2");
}

#[tokio::test]
async fn an_answer_for_a_grant_that_was_replaced_is_not_stored() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let (lease, answer) = vault.answered(&integration, "2").await;
    vault.connect(&integration).await;
    let before = row(&vault.sql, &integration).await;

    let settled = vault.commit(&lease, &answer).await;

    assert_eq!(settled, Settled::Replaced);
    assert_eq!(row(&vault.sql, &integration).await, before);
    assert_eq!(vault.attempt(&lease).await, "superseded");
    assert_eq!(vault.count("SELECT count(*) FROM quarantine").await, 0);
}

#[tokio::test]
async fn an_answer_for_a_row_that_is_gone_is_not_stored() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let (lease, answer) = vault.answered(&integration, "2").await;
    vault
        .execute(
            "DELETE FROM credential WHERE integration_id = $1",
            &integration,
        )
        .await;

    let settled = vault.commit(&lease, &answer).await;

    assert_eq!(settled, Settled::UnknownGrant);
}
