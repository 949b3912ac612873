//! Single use of states, and exchanges that do not end.

use std::collections::HashSet;
use std::time::Duration;

use tokio::task::JoinSet;
use uuid::Uuid;
use workapi_vault::{Exchange, ExchangeStart, OpenExchange, StateHash, Vault};

use crate::fixture::{Fixture, new_integration, new_state, user_of};

/// As long as anything is remembered.
const EVER: Duration = Duration::from_hours(35 * 24);

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

#[tokio::test]
async fn an_exchange_that_nobody_ended_is_found_after_ten_seconds_and_for_35_days() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    let grant = vault.grant(&integration).await;
    let fresh = vault.auth.open_exchanges(EVER, None, 10).await.unwrap();
    let mut found = Vec::new();
    for age in ["11 seconds", "34 days", "36 days"] {
        sqlx::query("UPDATE used_state SET started_at = now() - $1::interval")
            .bind(age)
            .execute(&vault.sql)
            .await
            .unwrap();
        vault.auth.purge().await.unwrap();
        found.push(vault.auth.open_exchanges(EVER, None, 10).await.unwrap());
    }

    assert!(fresh.is_empty(), "{fresh:?}");
    let counts: Vec<usize> = found.iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 1, 0]);
    let open = &found[0][0];
    assert_eq!(open.integration_id, integration);
    assert_eq!(open.grant_id, grant.grant_id);
    assert_eq!(open.state_hash, grant.state_hash);
}

#[tokio::test]
async fn open_exchanges_are_read_page_by_page_even_if_they_began_together() {
    let vault = Fixture::new().await;
    for _ in 0..5 {
        vault.grant(&new_integration()).await;
    }
    sqlx::query("UPDATE used_state SET started_at = now() - interval '1 minute'")
        .execute(&vault.sql)
        .await
        .unwrap();

    let mut pages: Vec<Vec<OpenExchange>> = Vec::new();
    loop {
        let last = pages.last().and_then(|page| page.last());
        let page = vault.auth.open_exchanges(EVER, last, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        pages.push(page);
    }

    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [2, 2, 1]);
    let found = pages.iter().flatten();
    let found: HashSet<_> = found.map(|open| open.grant_id).collect();
    assert_eq!(found.len(), 5);
}
