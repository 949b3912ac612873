//! Revoking and shredding one credential.

use std::time::Duration;

use workapi_proto::events::v1::{CredentialRevoked, ProviderRevocation};
use workapi_proto::jobs::v1::CredentialJob;
use workapi_types::IntegrationId;
use workapi_vault::{RevocationStart, Settled};

use crate::credential::{assert_about, row, times};
use crate::fixture::{DEADLINE, Fixture, new_integration, store, tokens, user_of};

#[tokio::test]
async fn a_revocation_is_leased_with_both_tokens() {
    let vault = Fixture::new().await;
    let config = vault.client("1234-web").await;
    let integration = vault.connected().await;
    vault.auth.delete(&integration).await.unwrap();

    let lease = vault.revocation(&integration).await;

    assert_eq!(lease.integration_id, integration);
    assert_eq!(lease.provider.as_str(), "sandbox");
    assert_eq!(lease.provider_config_id, config);
    assert_eq!(lease.revocation_group, "1234");
    assert_eq!(lease.provider_subject, "https://issuer.example ann");
    assert!(!lease.out_of_time);
    assert_eq!(lease.refresh_token.unwrap().expose(), "refresh-1");
    assert_eq!(lease.access_token.unwrap().expose(), "access-1");
    assert_about(times(&vault.sql, &integration).await.leased_for, 60.0);
}

#[tokio::test]
async fn a_job_that_names_no_claim_is_void() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.auth.delete(&integration).await.unwrap();
    let job = vault.job(&integration).await;
    let void = [
        CredentialJob::default(),
        CredentialJob {
            claim_seq: job.claim_seq - 1,
            ..job.clone()
        },
        CredentialJob {
            grant_id: uuid::Uuid::new_v4().to_string(),
            ..job
        },
    ];

    for job in void {
        let start = vault.refresher.start_revocation(&job, DEADLINE).await;

        assert!(
            matches!(start.unwrap(), RevocationStart::NothingDue),
            "{job:?}"
        );
    }
}

#[tokio::test]
async fn a_credential_that_nobody_deleted_is_not_revoked() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let job = vault.job(&integration).await;

    let start = vault.refresher.start_revocation(&job, DEADLINE).await;

    assert!(matches!(start.unwrap(), RevocationStart::NothingDue));
}

#[tokio::test]
async fn one_revocation_is_under_way_at_a_time() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.auth.delete(&integration).await.unwrap();
    vault.revocation(&integration).await;
    let job = vault.job(&integration).await;

    let second = vault.refresher.start_revocation(&job, DEADLINE).await;

    assert!(matches!(second.unwrap(), RevocationStart::NothingDue));
}

#[tokio::test]
async fn a_refresh_in_flight_is_waited_for() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let rotation = vault.lease(&integration).await;
    vault.auth.delete(&integration).await.unwrap();
    let job = vault.job(&integration).await;
    let start = async || {
        vault
            .refresher
            .start_revocation(&job, DEADLINE)
            .await
            .unwrap()
    };

    let during = start().await;
    vault.end_lease(&integration).await;
    let afterwards = start().await;

    assert!(matches!(during, RevocationStart::NothingDue));
    assert!(matches!(afterwards, RevocationStart::Leased(_)));
    assert_eq!(vault.attempt(&rotation).await, "sent");
}

#[tokio::test]
async fn after_24_hours_the_revocation_is_out_of_time() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.auth.delete(&integration).await.unwrap();
    vault
        .execute(
            "UPDATE credential SET revoke_until = revoke_until - interval '1 day'
             WHERE integration_id = $1",
            &integration,
        )
        .await;

    let lease = vault.revocation(&integration).await;

    assert!(lease.out_of_time);
}

#[tokio::test]
async fn a_finished_revocation_shreds_everything_and_is_told() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    quarantine_an_answer(&vault, &integration).await;
    vault.auth.delete(&integration).await.unwrap();
    let lease = vault.revocation(&integration).await;
    let failed = ProviderRevocation::Failed;

    vault
        .refresher
        .finish_revocation(&lease, failed)
        .await
        .unwrap();

    let row = row(&vault.sql, &integration).await;
    assert_eq!(row.state, "revoked");
    assert_eq!((row.sealed_access, row.sealed_refresh), (None, None));
    assert_eq!((row.salt, row.key_id, row.lease_token), (None, None, None));
    assert_eq!(times(&vault.sql, &integration).await.due_in, None);
    assert_eq!(vault.count("SELECT count(*) FROM quarantine").await, 0);
    let event: CredentialRevoked = vault.last_event().await;
    assert_eq!(event.integration_id, integration.as_str());
    assert_eq!(event.environment_guid, vault.environment.to_string());
    assert_eq!(event.provider, "sandbox");
    assert_eq!(event.provider_revocation(), failed);
}

#[tokio::test]
async fn finishing_twice_is_told_once() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.auth.delete(&integration).await.unwrap();
    let lease = vault.revocation(&integration).await;
    let done = ProviderRevocation::Done;
    vault
        .refresher
        .finish_revocation(&lease, done)
        .await
        .unwrap();

    vault
        .refresher
        .finish_revocation(&lease, done)
        .await
        .unwrap();

    assert_eq!(vault.events().await, ["connected", "revoked"]);
}

#[tokio::test]
async fn tokens_that_arrived_meanwhile_are_not_shredded_with_the_old_ones() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut grant = vault.grant(&integration).await;
    grant.tokens = tokens("2");
    vault.auth.delete(&integration).await.unwrap();
    let lease = vault.revocation(&integration).await;
    store(&vault.auth, &grant).await.unwrap();
    let done = ProviderRevocation::Done;

    vault
        .refresher
        .finish_revocation(&lease, done)
        .await
        .unwrap();

    assert_eq!(row(&vault.sql, &integration).await.state, "revoking");
    assert_eq!(vault.events().await, ["connected"]);
    let again = vault.revocation(&integration).await;
    assert_eq!(again.refresh_token.unwrap().expose(), "refresh-2");
}

#[tokio::test]
async fn a_revocation_without_an_answer_is_tried_again_later() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.auth.delete(&integration).await.unwrap();
    let mut waits = Vec::new();

    for _ in 0..6 {
        let lease = vault.revocation(&integration).await;
        vault
            .refresher
            .retry_revocation(&lease, None)
            .await
            .unwrap();
        waits.push(times(&vault.sql, &integration).await.due_in.unwrap());
    }

    assert!(waits.iter().all(|wait| *wait > 1.0), "{waits:?}");
    let grows = waits
        .windows(2)
        .all(|pair| pair[1] <= 3.0 * (pair[0] + 1.0));
    assert!(grows, "{waits:?}");
    let row = row(&vault.sql, &integration).await;
    assert_eq!((row.lease_token, row.failures), (None, 6));
}

#[tokio::test]
async fn a_provider_that_names_a_time_is_asked_again_then() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.auth.delete(&integration).await.unwrap();
    let lease = vault.revocation(&integration).await;
    let later = Some(Duration::from_mins(10));

    vault
        .refresher
        .retry_revocation(&lease, later)
        .await
        .unwrap();

    assert_about(times(&vault.sql, &integration).await.due_in, 600.0);
}

#[tokio::test]
async fn a_lost_lease_puts_nothing_off() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.auth.delete(&integration).await.unwrap();
    let lost = vault.revocation(&integration).await;
    vault.end_lease(&integration).await;
    vault.revocation(&integration).await;
    let before = row(&vault.sql, &integration).await;

    vault.refresher.retry_revocation(&lost, None).await.unwrap();

    assert_eq!(row(&vault.sql, &integration).await, before);
}

#[tokio::test]
async fn a_credential_without_a_refresh_token_is_revoked_by_its_access_token() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let mut grant = vault.grant(&integration).await;
    grant.offline = false;
    grant.tokens.refresh_token = None;
    store(&vault.auth, &grant).await.unwrap();
    vault.auth.delete(&integration).await.unwrap();

    let lease = vault.revocation(&integration).await;

    assert!(lease.refresh_token.is_none());
    assert_eq!(lease.access_token.unwrap().expose(), "access-1");
    assert_eq!(grant.grant.user_id, user_of(&integration));
}

/// Leaves an answer of `integration` in quarantine.
async fn quarantine_an_answer(vault: &Fixture, integration: &IntegrationId) {
    let keep = Duration::from_mins(1);
    let slow = vault.lease(integration).await;
    vault.end_lease(integration).await;
    let fast = vault.lease(integration).await;
    for (lease, end) in [(&fast, Settled::Committed), (&slow, Settled::Quarantined)] {
        let answer = vault.refresher.seal_answer(lease, &tokens("2")).unwrap();
        let settled = vault
            .refresher
            .commit_rotation(lease, &answer, Some(keep))
            .await;
        assert_eq!(settled.unwrap(), end);
    }
}
