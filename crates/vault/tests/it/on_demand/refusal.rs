//! Access tokens that a provider refuses before their time.

use workapi_providers::Action;
use workapi_vault::Refusal;

use super::{bus, token};
use crate::credential::{assert_about, times};
use crate::fixture::Fixture;

#[tokio::test]
async fn fm_07_a_refused_token_is_due_at_once_and_only_once() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let vault = fixture.access_vault(&bus().await).await;
    let held = token(&vault, &integration).await.unwrap();

    let first = vault
        .access_token_refused(&integration, held.grant_id, held.generation)
        .await;
    let due_after_first = times(&fixture.sql, &integration).await.due_in;
    fixture
        .execute(
            "UPDATE credential SET due_at = now() + interval '1 hour' WHERE integration_id = $1",
            &integration,
        )
        .await;
    let second = vault
        .access_token_refused(&integration, held.grant_id, held.generation)
        .await;

    assert_eq!(first.unwrap(), Refusal::Noted);
    assert_about(due_after_first, 0.0);
    assert_eq!(second.unwrap(), Refusal::Noted);
    assert_about(times(&fixture.sql, &integration).await.due_in, 3600.0);
}

#[tokio::test]
async fn a_refused_token_is_not_served_again() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let vault = fixture.access_vault(&bus().await).await;
    let held = token(&vault, &integration).await.unwrap();
    vault
        .access_token_refused(&integration, held.grant_id, held.generation)
        .await
        .unwrap();

    let short = std::time::Duration::from_millis(100);
    let during = vault
        .access_token(&integration, std::time::Duration::ZERO, short)
        .await;
    fixture.rotate(&integration, "2").await;
    let afterwards = token(&vault, &integration).await.unwrap();

    assert_eq!(during.unwrap_err().action(), Action::Wait);
    assert_eq!(afterwards.token.expose(), "access-2");
}

#[tokio::test]
async fn fm_19_a_token_that_a_rotation_killed_gives_way_without_another_one() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let vault = fixture.access_vault(&bus().await).await;
    let held = token(&vault, &integration).await.unwrap();
    fixture.rotate(&integration, "2").await;
    let before = times(&fixture.sql, &integration).await.due_in;

    let refusal = vault
        .access_token_refused(&integration, held.grant_id, held.generation)
        .await;
    let newer = token(&vault, &integration).await.unwrap();

    assert_eq!(refusal.unwrap(), Refusal::Superseded);
    assert_eq!(newer.token.expose(), "access-2");
    assert_about(
        times(&fixture.sql, &integration).await.due_in,
        before.unwrap(),
    );
}

#[tokio::test]
async fn a_refusal_that_a_refresh_did_not_mend_causes_no_second_one() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let vault = fixture.access_vault(&bus().await).await;
    let first = token(&vault, &integration).await.unwrap();
    vault
        .access_token_refused(&integration, first.grant_id, first.generation)
        .await
        .unwrap();
    fixture.rotate(&integration, "2").await;
    let second = token(&vault, &integration).await.unwrap();

    let repeated = vault
        .access_token_refused(&integration, second.grant_id, second.generation)
        .await;

    assert_eq!(repeated.unwrap(), Refusal::Repeated);
    assert!(times(&fixture.sql, &integration).await.due_in.unwrap() > 60.0);
    assert_eq!(token(&vault, &integration).await.unwrap().generation, 2);
}

#[tokio::test]
async fn connecting_again_forgets_what_was_refused() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let vault = fixture.access_vault(&bus().await).await;
    let held = token(&vault, &integration).await.unwrap();
    vault
        .access_token_refused(&integration, held.grant_id, held.generation)
        .await
        .unwrap();

    fixture.connect(&integration).await;

    let served = token(&vault, &integration).await.unwrap();
    assert_eq!(served.generation, 1);
    assert_ne!(served.grant_id, held.grant_id);
}
