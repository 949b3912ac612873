//! Deleting an integration: unusable at once, whatever arrives before or after.

use tokio::task::JoinSet;
use workapi_proto::events::v1::ProviderRevocation;
use workapi_vault::{Connected, RotationStart, Task};

use crate::credential::{assert_about, find_row, row, times};
use crate::fixture::{DEADLINE, Fixture, job, new_integration, store, tokens};

#[tokio::test]
async fn a_deleted_credential_is_due_for_its_revocation_and_for_nothing_else() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let refresh = vault.job(&integration).await;

    vault.auth.delete(&integration).await.unwrap();

    let start = vault.refresher.start_rotation(&refresh, DEADLINE).await;
    assert!(matches!(start.unwrap(), RotationStart::NothingDue));
    assert_about(times(&vault.sql, &integration).await.revoke_for, 86400.0);
    let claims = vault.claim_due(10).await;
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].task, Task::Revoke);
    let rotation = vault
        .refresher
        .start_rotation(&job(&claims[0]), DEADLINE)
        .await;
    assert!(matches!(rotation.unwrap(), RotationStart::NothingDue));
}

#[tokio::test]
async fn deleting_again_changes_nothing() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.auth.delete(&integration).await.unwrap();
    let before = row(&vault.sql, &integration).await;

    vault.auth.delete(&integration).await.unwrap();

    assert_eq!(row(&vault.sql, &integration).await, before);
}

#[tokio::test]
async fn tokens_that_arrive_for_a_deleted_integration_are_only_kept_to_be_revoked() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let grant = vault.grant(&integration).await;
    vault.auth.delete(&integration).await.unwrap();

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::Deleted);
    assert_eq!(row(&vault.sql, &integration).await.state, "revoking");
    let outcome = vault.auth.recent_outcome(grant.state_hash).await.unwrap();
    assert_eq!(outcome.as_deref(), Some("integration_deleted"));
    assert!(vault.events().await.is_empty());
    assert_eq!(
        vault.count("SELECT count(*) FROM account_projection").await,
        0
    );
    let lease = vault.revocation(&integration).await;
    assert_eq!(lease.refresh_token.unwrap().expose(), "refresh-1");
    assert_eq!(lease.access_token.unwrap().expose(), "access-1");
}

#[tokio::test]
async fn a_late_connect_may_be_repeated_like_any_other() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let grant = vault.grant(&integration).await;
    vault.auth.delete(&integration).await.unwrap();
    store(&vault.auth, &grant).await.unwrap();
    let before = row(&vault.sql, &integration).await;

    let again = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(again, Connected::Deleted);
    assert_eq!(row(&vault.sql, &integration).await, before);
}

#[tokio::test]
async fn tokens_that_arrive_during_the_revocation_take_the_place_of_the_old_ones() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut grant = vault.grant(&integration).await;
    grant.tokens = tokens("2");
    vault.auth.delete(&integration).await.unwrap();

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::Deleted);
    let lease = vault.revocation(&integration).await;
    assert_eq!(lease.refresh_token.unwrap().expose(), "refresh-2");
}

#[tokio::test]
async fn tokens_that_arrive_after_the_revocation_are_revoked_too() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut grant = vault.grant(&integration).await;
    grant.tokens = tokens("2");
    vault.auth.delete(&integration).await.unwrap();
    let lease = vault.revocation(&integration).await;
    let done = ProviderRevocation::Done;
    vault
        .refresher
        .finish_revocation(&lease, done)
        .await
        .unwrap();

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::Deleted);
    let lease = vault.revocation(&integration).await;
    assert_eq!(lease.refresh_token.unwrap().expose(), "refresh-2");
}

#[tokio::test]
async fn another_accounts_tokens_are_revoked_too_once_the_old_ones_are_shredded() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut grant = vault.grant(&integration).await;
    grant.tokens = tokens("2");
    grant.grant.provider_subject = "https://issuer.example bo".to_owned();
    vault.auth.delete(&integration).await.unwrap();
    let lease = vault.revocation(&integration).await;
    let done = ProviderRevocation::Done;
    vault
        .refresher
        .finish_revocation(&lease, done)
        .await
        .unwrap();

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::Deleted);
    let lease = vault.revocation(&integration).await;
    assert_eq!(lease.provider_subject, grant.grant.provider_subject);
    assert_eq!(lease.refresh_token.unwrap().expose(), "refresh-2");
}

#[tokio::test]
async fn another_accounts_tokens_do_not_touch_a_deleted_credential() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut grant = vault.grant(&integration).await;
    grant.grant.provider_subject = "https://issuer.example bo".to_owned();
    vault.auth.delete(&integration).await.unwrap();
    let before = row(&vault.sql, &integration).await;

    let connected = store(&vault.auth, &grant).await.unwrap();

    assert_eq!(connected, Connected::Deleted);
    assert_eq!(row(&vault.sql, &integration).await, before);
}

#[tokio::test]
async fn an_integration_that_never_connected_can_be_deleted() {
    let vault = Fixture::new().await;
    let integration = new_integration();

    vault.auth.delete(&integration).await.unwrap();

    assert_eq!(find_row(&vault.sql, &integration).await, None);
    assert_eq!(vault.count("SELECT count(*) FROM tombstone").await, 1);
}

#[tokio::test]
async fn whichever_of_connect_and_delete_comes_first_no_credential_stays_alive() {
    let vault = Fixture::new().await;
    let mut racing = JoinSet::new();
    for n in 0..40 {
        let integration = new_integration();
        let grant = vault.grant(&integration).await;
        let (connecting, deleting) = (vault.auth.clone(), vault.auth.clone());
        racing.spawn(async move {
            let connect = store(&connecting, &grant);
            let delete = deleting.delete(&integration);
            let (connected, deleted) = if n % 2 == 0 {
                tokio::join!(connect, delete)
            } else {
                let (deleted, connected) = tokio::join!(delete, connect);
                (connected, deleted)
            };
            deleted.unwrap();
            connected.unwrap()
        });
    }

    let connected = racing.join_all().await;

    let ends = [Connected::Stored, Connected::Deleted];
    assert!(connected.iter().all(|end| ends.contains(end)));
    let alive = vault.count("SELECT count(*) FROM credential WHERE state <> 'revoking'");
    assert_eq!(alive.await, 0);
    let due = vault.count("SELECT count(*) FROM credential WHERE due_at <= now()");
    assert_eq!(due.await, 40);
}
