//! What nobody comes back for: orphans and old rows.

use workapi_proto::events::v1::ProviderRevocation;
use workapi_types::IntegrationId;

use crate::credential::{find_row, row};
use crate::fixture::{Fixture, new_integration};

impl Fixture {
    /// Lets the time pass since an integration was first missed.
    async fn ten_minutes_later(&self) {
        sqlx::query("UPDATE credential SET missing_since = missing_since - interval '10 minutes'")
            .execute(&self.sql)
            .await
            .unwrap();
    }

    async fn note(
        &self,
        asked: &[IntegrationId],
        existing: &[IntegrationId],
    ) -> Vec<IntegrationId> {
        self.auth.note_existing(asked, existing).await.unwrap()
    }
}

#[tokio::test]
async fn integrations_are_read_in_pages_without_the_deleted_ones() {
    let vault = Fixture::new().await;
    let mut integrations = Vec::new();
    for _ in 0..5 {
        integrations.push(vault.connected().await);
    }
    integrations.sort();
    let deleted = integrations.remove(2);
    vault.auth.delete(&deleted).await.unwrap();

    let first = vault.auth.integrations_after(None, 3).await.unwrap();
    let second = vault
        .auth
        .integrations_after(first.last(), 3)
        .await
        .unwrap();
    let third = vault
        .auth
        .integrations_after(second.last(), 3)
        .await
        .unwrap();

    assert_eq!(first, integrations[..3]);
    assert_eq!(second, integrations[3..]);
    assert!(third.is_empty());
}

#[tokio::test]
async fn an_integration_is_an_orphan_when_it_was_missed_twice_ten_minutes_apart() {
    let vault = Fixture::new().await;
    let kept = vault.connected().await;
    let missed = vault.connected().await;
    let asked = [kept.clone(), missed.clone()];
    let existing = [kept];

    let first = vault.note(&asked, &existing).await;
    let soon = vault.note(&asked, &existing).await;
    vault.ten_minutes_later().await;
    let later = vault.note(&asked, &existing).await;

    assert!(first.is_empty());
    assert!(soon.is_empty());
    assert_eq!(later, [missed]);
}

#[tokio::test]
async fn an_integration_that_was_found_again_starts_afresh() {
    let vault = Fixture::new().await;
    let integration = [vault.connected().await];
    vault.note(&integration, &[]).await;
    vault.ten_minutes_later().await;
    vault.note(&integration, &integration).await;

    let missed_again = vault.note(&integration, &[]).await;

    assert!(missed_again.is_empty());
}

#[tokio::test]
async fn what_was_not_asked_about_and_what_is_deleted_is_no_orphan() {
    let vault = Fixture::new().await;
    let deleted = vault.connected().await;
    let unasked = vault.connected().await;
    vault.note(&[deleted.clone(), unasked], &[]).await;
    vault.ten_minutes_later().await;
    vault.auth.delete(&deleted).await.unwrap();

    let orphans = vault.note(&[deleted], &[]).await;

    assert!(orphans.is_empty());
}

#[tokio::test]
async fn what_is_left_of_a_deleted_integration_is_forgotten_after_35_days() {
    let vault = Fixture::new().await;
    let revoked = vault.connected().await;
    vault.auth.delete(&revoked).await.unwrap();
    let lease = vault.revocation(&revoked).await;
    let done = ProviderRevocation::Done;
    vault
        .refresher
        .finish_revocation(&lease, done)
        .await
        .unwrap();
    vault.auth.purge().await.unwrap();
    assert_eq!(row(&vault.sql, &revoked).await.state, "revoked");
    assert_eq!(vault.count("SELECT count(*) FROM tombstone").await, 1);
    for statement in [
        "UPDATE credential SET state_since = now() - interval '36 days'",
        "UPDATE tombstone SET created_at = now() - interval '36 days'",
    ] {
        sqlx::query(statement).execute(&vault.sql).await.unwrap();
    }
    let alive = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET state_since = now() - interval '36 days'
             WHERE integration_id = $1",
            &alive,
        )
        .await;

    vault.auth.purge().await.unwrap();

    assert_eq!(find_row(&vault.sql, &revoked).await, None);
    assert_eq!(row(&vault.sql, &alive).await.state, "active");
    assert_eq!(vault.count("SELECT count(*) FROM tombstone").await, 0);
}

#[tokio::test]
async fn used_states_are_kept_for_an_hour() {
    let vault = Fixture::new().await;
    let old = vault.grant(&new_integration()).await;
    let ended = vault.auth.finish_exchange(old.state_hash, "success");
    ended.await.unwrap();
    sqlx::query("UPDATE used_state SET started_at = now() - interval '61 minutes'")
        .execute(&vault.sql)
        .await
        .unwrap();
    vault.grant(&new_integration()).await;

    vault.auth.purge().await.unwrap();

    assert_eq!(vault.count("SELECT count(*) FROM used_state").await, 1);
    let outcome = vault.auth.finish_exchange(old.state_hash, "success").await;
    assert!(outcome.is_ok());
}

#[tokio::test]
async fn finished_attempts_are_kept_for_a_day_and_answers_as_long_as_they_may_help() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let old = vault.lease(&integration).await;
    vault
        .refresher
        .postpone(&old, std::time::Duration::ZERO)
        .await
        .unwrap();
    sqlx::query("UPDATE rotation_attempt SET finished_at = now() - interval '25 hours'")
        .execute(&vault.sql)
        .await
        .unwrap();
    let recent = vault.lease(&integration).await;
    sqlx::query(
        "INSERT INTO quarantine (attempt_id, integration_id, grant_id, generation, sealed_access,
                                 key_id, salt, kept_until)
         SELECT gen_random_uuid(), '', gen_random_uuid(), 2, '', '', '', kept_until
         FROM unnest(ARRAY[now() - interval '1 second', now() + interval '1 minute'])
             AS times (kept_until)",
    )
    .execute(&vault.sql)
    .await
    .unwrap();

    vault.auth.purge().await.unwrap();

    assert_eq!(
        vault.count("SELECT count(*) FROM rotation_attempt").await,
        1
    );
    assert_eq!(vault.attempt(&recent).await, "sent");
    assert_eq!(vault.count("SELECT count(*) FROM quarantine").await, 1);
}
