//! The last use of a credential.

use tokio_util::sync::CancellationToken;
use workapi_types::IntegrationId;

use super::{bus, token};
use crate::credential::{assert_about, times};
use crate::fixture::Fixture;

impl Fixture {
    /// Returns how many seconds ago the last noted use was.
    async fn last_used(&self, integration: &IntegrationId) -> Option<f64> {
        sqlx::query_scalar(
            "SELECT extract(epoch FROM now() - last_used_at)::float8
             FROM credential
             WHERE integration_id = $1",
        )
        .bind(integration.as_str())
        .fetch_one(&self.sql)
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn uses_are_written_later_and_once_a_minute() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let vault = fixture.access_vault(&bus().await).await;

    for _ in 0..3 {
        token(&vault, &integration).await.unwrap();
    }
    let before = fixture.last_used(&integration).await;
    let first = vault.flush_uses().await.unwrap();
    token(&vault, &integration).await.unwrap();
    let within_the_minute = vault.flush_uses().await.unwrap();
    fixture
        .execute(
            "UPDATE credential SET last_used_at = now() - interval '61 seconds'
             WHERE integration_id = $1",
            &integration,
        )
        .await;
    token(&vault, &integration).await.unwrap();
    let after_the_minute = vault.flush_uses().await.unwrap();

    assert_eq!(before, None);
    assert_eq!([first, within_the_minute, after_the_minute], [1, 0, 1]);
    assert!(fixture.last_used(&integration).await.unwrap() < 60.0);
}

#[tokio::test]
async fn what_was_used_is_written_down_when_the_program_ends() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let vault = fixture.access_vault(&bus().await).await;
    token(&vault, &integration).await.unwrap();
    let shutdown = CancellationToken::new();
    shutdown.cancel();

    vault.record_uses(shutdown).await;

    assert_about(fixture.last_used(&integration).await, 20.0);
}

/// Uses a credential that is due in a week, and returns in how many seconds it is due then.
async fn due_after_use(fixture: &Fixture, change: &'static str) -> f64 {
    let integration = fixture.connected().await;
    fixture.execute(change, &integration).await;
    let vault = fixture.access_vault(&bus().await).await;

    token(&vault, &integration).await.unwrap();
    assert_eq!(vault.flush_uses().await.unwrap(), 1);

    times(&fixture.sql, &integration).await.due_in.unwrap()
}

#[tokio::test]
async fn a_credential_that_was_only_kept_alive_is_refreshed_ahead_again_once_used() {
    let fixture = Fixture::new().await;

    let due_in = due_after_use(
        &fixture,
        "UPDATE credential SET due_at = now() + interval '7 days' WHERE integration_id = $1",
    )
    .await;

    // 75 to 85 % of an hour.
    assert!((2600.0..=3060.0).contains(&due_in), "{due_in}");
}

#[tokio::test]
async fn a_use_does_not_hurry_what_failed() {
    let fixture = Fixture::new().await;

    let due_in = due_after_use(
        &fixture,
        "UPDATE credential
         SET failures = 2, due_at = now() + interval '7 days', refresh_at = now()
         WHERE integration_id = $1",
    )
    .await;

    assert_about(Some(due_in), 7.0 * 24.0 * 3600.0);
}

#[tokio::test]
async fn a_use_leaves_a_claim_alone() {
    let fixture = Fixture::new().await;

    let due_in = due_after_use(
        &fixture,
        "UPDATE credential
         SET due_at = now() + interval '29 seconds', refresh_at = now()
         WHERE integration_id = $1",
    )
    .await;

    assert_about(Some(due_in), 29.0);
}
