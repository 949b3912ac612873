//! Many callers, callers that go away, and callers that hold what is old.

use std::time::Duration;

use futures::future::join_all;
use workapi_tests::Options;

use super::{Connected, PATIENCE};

#[tokio::test]
async fn a_token_that_has_run_out_is_refreshed_for_who_asks() {
    let connected = Connected::start(Options::default()).await;
    let old = connected.token().await;
    connected.stack.expire(&connected.id).await;

    let new = connected.token().await;

    assert_eq!((old.generation, new.generation), (1, 2));
    assert_eq!(new.grant_id, old.grant_id);
    assert!(connected.stack.sandbox_accepts(new.token.expose()).await);
    connected.assert_refreshes(1).await;
}

#[tokio::test]
async fn a_wish_for_more_life_is_heard_before_the_scheduler_would_act() {
    let connected = Connected::start(Options::default()).await;
    connected.stack.age(&connected.id, 1500.0).await;
    let integration = connected.integration();

    let modest = connected.token().await;
    let wishful = connected
        .vault
        .access_token(&integration, Duration::from_hours(9), PATIENCE)
        .await
        .unwrap();

    assert_eq!((modest.generation, wishful.generation), (1, 2));
    connected.assert_refreshes(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_02_fifty_callers_of_one_stale_credential_cause_one_call() {
    let options = Options {
        replicas: 2,
        ..Options::default()
    };
    let connected = Connected::start(options).await;
    connected.stack.expire(&connected.id).await;

    let served = join_all((0..50).map(|_| connected.token())).await;

    assert!(served.iter().all(|granted| granted.generation == 2));
    let first = served[0].token.expose();
    assert!(served.iter().all(|granted| granted.token.expose() == first));
    assert!(connected.stack.sandbox_accepts(first).await);
    connected.assert_refreshes(1).await;
    let credential = connected.stack.credential(&connected.id).await.unwrap();
    assert_eq!(
        (credential.state.as_str(), credential.failures),
        ("active", 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fm_03_callers_that_go_away_at_any_moment_lose_nothing() {
    const ROUNDS: u64 = 200;
    let connected = Connected::start(Options::default()).await;
    let mut last = 1;
    let mut went_away = 0;

    for round in 0..ROUNDS {
        connected.stack.expire(&connected.id).await;
        // Every moment of a refresh, which takes a few milliseconds, has its caller.
        let gone = connected.token_within(PATIENCE);
        let moment = Duration::from_micros(round * 150);
        went_away += u64::from(tokio::time::timeout(moment, gone).await.is_err());

        let served = connected.token().await;

        assert!(served.generation > last, "round {round}");
        last = served.generation;
    }

    assert!(went_away > 10, "only {went_away} callers went away");
    let token = connected.token().await;
    assert!(connected.stack.sandbox_accepts(token.token.expose()).await);
    let rotations = u64::try_from(last).unwrap() - 1;
    assert!(rotations >= ROUNDS);
    connected.assert_refreshes(rotations).await;
}

#[tokio::test]
async fn fm_19_who_holds_a_token_that_a_rotation_killed_gets_the_newer_one() {
    let connected = Connected::start(Options::default()).await;
    let held = connected.token().await;
    connected.stack.refresh(&connected.id).await;

    let newer = connected.after_refusal(&held).await;

    assert_eq!(newer.generation, 2);
    assert!(connected.stack.sandbox_accepts(newer.token.expose()).await);
    connected.assert_refreshes(1).await;
}

#[tokio::test]
async fn fm_20_what_is_served_is_what_was_committed_last_also_after_a_restart() {
    let connected = Connected::start(Options::default()).await;
    let first = connected.token().await;

    for generation in 2..=4 {
        connected.stack.refresh(&connected.id).await;
        let running = connected.token().await;
        let restarted = connected.stack.access_vault().await;
        let restarted = restarted
            .access_token(&connected.integration(), Duration::ZERO, PATIENCE)
            .await
            .unwrap();

        assert_eq!(
            (running.generation, restarted.generation),
            (generation, generation)
        );
        assert_eq!(running.token.expose(), restarted.token.expose());
        assert_ne!(running.token.expose(), first.token.expose());
        assert!(
            connected
                .stack
                .sandbox_accepts(running.token.expose())
                .await
        );
    }
    connected.assert_refreshes(3).await;
}
