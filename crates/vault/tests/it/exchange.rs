//! Single use of states.

use tokio::task::JoinSet;
use uuid::Uuid;
use workapi_vault::{Exchange, ExchangeStart, StateHash, Vault};

use crate::fixture::{Fixture, new_integration, new_state, user_of};

async fn start(vault: &Vault, state: StateHash) -> ExchangeStart {
    let integration = new_integration();
    vault
        .start_exchange(&Exchange {
            state_hash: state,
            integration_id: &integration,
            user_id: &user_of(&integration),
            revocation_group: "1234",
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_state_begins_one_exchange() {
    let vault = Fixture::new().await;
    let state = new_state();

    let first = start(&vault.auth, state).await;
    let second = start(&vault.auth, state).await;

    assert!(matches!(first, ExchangeStart::Fresh(_)));
    assert_eq!(second, ExchangeStart::Replayed(None));
}

#[tokio::test]
async fn a_state_that_is_presented_twenty_times_at_once_begins_one_exchange() {
    let vault = Fixture::new().await;
    let state = new_state();
    let mut presenting = JoinSet::new();
    for _ in 0..20 {
        let auth = vault.auth.clone();
        presenting.spawn(async move { start(&auth, state).await });
    }

    let starts = presenting.join_all().await;

    let fresh = |start: &&ExchangeStart| matches!(start, ExchangeStart::Fresh(_));
    assert_eq!(starts.iter().filter(fresh).count(), 1);
}

#[tokio::test]
async fn a_replay_is_shown_the_outcome() {
    let vault = Fixture::new().await;
    let state = new_state();
    start(&vault.auth, state).await;
    vault
        .auth
        .finish_exchange(state, "access_denied")
        .await
        .unwrap();

    let replay = start(&vault.auth, state).await;

    assert_eq!(
        replay,
        ExchangeStart::Replayed(Some("access_denied".to_owned()))
    );
}

#[tokio::test]
async fn the_first_outcome_stands() {
    let vault = Fixture::new().await;
    let state = new_state();
    start(&vault.auth, state).await;
    vault
        .auth
        .finish_exchange(state, "exchange_failed")
        .await
        .unwrap();

    vault
        .auth
        .finish_exchange(state, "provider_error")
        .await
        .unwrap();

    let outcome = vault.auth.recent_outcome(state).await.unwrap();
    assert_eq!(outcome.as_deref(), Some("exchange_failed"));
}

#[tokio::test]
async fn after_a_minute_the_outcome_is_not_shown_but_the_state_stays_used() {
    let vault = Fixture::new().await;
    let state = new_state();
    start(&vault.auth, state).await;
    vault
        .auth
        .finish_exchange(state, "access_denied")
        .await
        .unwrap();
    sqlx::query("UPDATE used_state SET started_at = now() - interval '61 seconds'")
        .execute(&vault.sql)
        .await
        .unwrap();

    let outcome = vault.auth.recent_outcome(state).await.unwrap();
    let replay = start(&vault.auth, state).await;

    assert_eq!(outcome, None);
    assert_eq!(replay, ExchangeStart::Replayed(None));
}

#[tokio::test]
async fn a_state_that_was_never_presented_has_no_outcome() {
    let vault = Fixture::new().await;

    let outcome = vault.auth.recent_outcome(new_state()).await.unwrap();

    assert_eq!(outcome, None);
}

#[tokio::test]
async fn a_grant_id_tells_when_the_exchange_began_by_the_clock_of_postgresql() {
    let vault = Fixture::new().await;

    let ExchangeStart::Fresh(grant_id) = start(&vault.auth, new_state()).await else {
        panic!("the state is new");
    };

    let id: Uuid = grant_id.as_uuid();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
    let milliseconds: i64 = sqlx::query_scalar(
        "SELECT floor(extract(epoch FROM started_at) * 1000)::bigint FROM used_state",
    )
    .fetch_one(&vault.sql)
    .await
    .unwrap();
    let (seconds, nanoseconds) = id.get_timestamp().unwrap().to_unix();
    let told = i64::try_from(seconds).unwrap() * 1000 + i64::from(nanoseconds / 1_000_000);
    assert!(
        (0..1000).contains(&(told - milliseconds)),
        "{told} for {milliseconds}"
    );
}
