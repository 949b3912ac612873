//! Claims that somebody needs now.

use workapi_providers::{Action, Cause};
use workapi_vault::{ClaimNow, OnDemandClaim, RefreshResult, RotationStart};

use super::PATIENCE;
use crate::fixture::{DEADLINE, Fixture, job, new_integration, tokens};

impl Fixture {
    async fn refused(&self, integration: &workapi_types::IntegrationId) -> RefreshResult {
        match self.refresher.claim_now(integration).await.unwrap() {
            ClaimNow::Refused(result) => result,
            ClaimNow::Claimed(claimed) => panic!("claimed: {claimed:?}"),
        }
    }

    async fn claimed(&self, integration: &workapi_types::IntegrationId) -> OnDemandClaim {
        match self.refresher.claim_now(integration).await.unwrap() {
            ClaimNow::Claimed(claimed) => claimed,
            ClaimNow::Refused(result) => panic!("refused: {result:?}"),
        }
    }
}

#[tokio::test]
async fn a_stale_credential_is_claimed_and_rotated_like_any_other() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.age(&integration, 1700.0).await;

    let claimed = vault.claimed(&integration).await;
    let job = job(&claimed.claim);
    let start = vault.refresher.start_rotation(&job, DEADLINE).await;
    let RotationStart::Leased(lease) = start.unwrap() else {
        panic!("the claim is the newest");
    };
    let during = vault.refresher.result_of(&claimed).await.unwrap();
    let answer = vault.refresher.seal_answer(&lease, &tokens("2")).unwrap();
    let committing = vault
        .refresher
        .commit_rotation(&lease, &answer, Some(PATIENCE));
    committing.await.unwrap();
    let afterwards = vault.refresher.result_of(&claimed).await.unwrap();

    assert_eq!(during, RefreshResult::Joined);
    let refreshed = RefreshResult::Refreshed {
        grant_id: lease.grant_id,
        generation: 2,
    };
    assert_eq!(afterwards, refreshed);
}

#[tokio::test]
async fn an_older_job_is_void_after_a_claim() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.age(&integration, 10.0).await;
    let older = vault.job(&integration).await;

    vault.claimed(&integration).await;

    let start = vault.refresher.start_rotation(&older, DEADLINE).await;
    assert!(matches!(start.unwrap(), RotationStart::NothingDue));
}

#[tokio::test]
async fn a_young_token_is_not_claimed_unless_it_was_refused() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.age(&integration, 1900.0).await;

    let young = vault.refused(&integration).await;
    vault
        .execute(
            "UPDATE credential SET access_refused_generation = 1 WHERE integration_id = $1",
            &integration,
        )
        .await;

    assert_eq!(young, RefreshResult::Current);
    vault.claimed(&integration).await;
}

#[tokio::test]
async fn a_credential_that_somebody_has_is_joined() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.lease(&integration).await;
    vault.age(&integration, -1.0).await;

    assert_eq!(vault.refused(&integration).await, RefreshResult::Joined);
}

#[tokio::test]
async fn a_credential_that_failed_is_not_claimed_before_its_time() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.age(&integration, -1.0).await;
    vault
        .execute(
            "UPDATE credential
             SET state = 'refresh_failing', cause = 'rate_limited', failures = 1,
                 due_at = now() + interval '1 minute'
             WHERE integration_id = $1",
            &integration,
        )
        .await;

    let early = vault.refused(&integration).await;
    vault
        .execute(
            "UPDATE credential SET due_at = now() WHERE integration_id = $1",
            &integration,
        )
        .await;

    let expected = RefreshResult::Failed {
        cause: Some(Cause::RateLimited),
        action: Action::Wait,
    };
    assert_eq!(early, expected);
    vault.claimed(&integration).await;
}

#[tokio::test]
async fn what_needs_its_user_or_is_gone_is_not_claimed() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.age(&integration, -1.0).await;
    vault
        .execute(
            "UPDATE credential SET state = 'needs_reconnect', cause = 'mfa_required'
             WHERE integration_id = $1",
            &integration,
        )
        .await;

    let dead = vault.refused(&integration).await;
    let gone = vault.refused(&new_integration()).await;

    let expected = RefreshResult::Failed {
        cause: Some(Cause::MfaRequired),
        action: Action::Reconnect,
    };
    assert_eq!(dead, expected);
    assert_eq!(gone, RefreshResult::Current);
}
