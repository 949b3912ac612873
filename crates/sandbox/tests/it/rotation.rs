//! Refreshing under each rotation class.

use std::time::Duration;

use serde_json::{Value, json};
use workapi_sandbox::{Client, RotationClass};

use crate::provider::{Provider, assert_refused, client};

async fn start(class: RotationClass) -> Provider {
    Provider::start_with(vec![client("demo", class)]).await
}

#[tokio::test]
async fn class_a_answers_without_a_refresh_token_and_keeps_the_old_one() {
    let provider = start(RotationClass::A).await;
    let tokens = provider.connect("demo").await;

    let first = provider.refreshed("demo", &tokens).await;
    let second = provider.refreshed("demo", &tokens).await;

    assert_eq!(first.get("refresh_token"), None);
    assert_ne!(first["access_token"], second["access_token"]);
    assert_eq!(provider.userinfo(&second).await.status(), 200);
    let counted = json!({ "refreshes": 2, "double_spends": 0 });
    provider.assert_counters("demo", counted).await;
}

#[tokio::test]
async fn class_b_rotates_and_keeps_the_old_token_valid() {
    let provider = start(RotationClass::B).await;
    let tokens = provider.connect("demo").await;

    let first = provider.refreshed("demo", &tokens).await;
    let second = provider.refreshed("demo", &tokens).await;
    provider.refreshed("demo", &first).await;

    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let counted = json!({ "refreshes": 3, "double_spends": 1, "reuse_detected": 0 });
    provider.assert_counters("demo", counted).await;
}

#[tokio::test]
async fn class_c_honours_a_spent_token_within_its_grace() {
    let graceful = Client {
        grace_seconds: 30,
        ..client("demo", RotationClass::C)
    };
    let provider = Provider::start_with(vec![graceful]).await;
    let tokens = provider.connect("demo").await;

    let first = provider.refreshed("demo", &tokens).await;
    provider.clock.advance(Duration::from_secs(29));
    let again = provider.refreshed("demo", &tokens).await;

    provider.refreshed("demo", &first).await;
    provider.refreshed("demo", &again).await;
    let counted = json!({ "refreshes": 4, "double_spends": 1, "families_revoked": 0 });
    provider.assert_counters("demo", counted).await;
}

#[tokio::test]
async fn class_c_refuses_a_spent_token_after_its_grace_and_keeps_the_grant() {
    let graceful = Client {
        grace_seconds: 30,
        ..client("demo", RotationClass::C)
    };
    let provider = Provider::start_with(vec![graceful]).await;
    let tokens = provider.connect("demo").await;
    let first = provider.refreshed("demo", &tokens).await;
    provider.clock.advance(Duration::from_secs(30));

    provider.refresh_refused("demo", &tokens).await;

    provider.refreshed("demo", &first).await;
    let counted = json!({
        "refreshes": 2,
        "double_spends": 1,
        "reuse_detected": 0,
        "families_revoked": 0,
    });
    provider.assert_counters("demo", counted).await;
}

#[tokio::test]
async fn class_d_kills_the_family_when_a_spent_token_comes_again() {
    let provider = start(RotationClass::D).await;
    let tokens = provider.connect("demo").await;
    let first = provider.refreshed("demo", &tokens).await;

    provider.refresh_refused("demo", &tokens).await;

    provider.refresh_refused("demo", &first).await;
    assert_eq!(provider.userinfo(&first).await.status(), 401);
    let counted = json!({
        "refreshes": 1,
        "double_spends": 1,
        "reuse_detected": 1,
        "families_revoked": 1,
    });
    provider.assert_counters("demo", counted).await;
}

#[tokio::test]
async fn class_d_spares_the_other_grants_of_the_same_account() {
    let provider = start(RotationClass::D).await;
    let (broken, other) = (
        provider.connect("demo").await,
        provider.connect("demo").await,
    );
    provider.refreshed("demo", &broken).await;
    provider.refresh_refused("demo", &broken).await;

    provider.refreshed("demo", &other).await;
}

#[tokio::test]
async fn counts_are_exact_when_one_token_is_spent_by_many_at_once() {
    let provider = start(RotationClass::D).await;
    let tokens = provider.connect("demo").await;

    let spends = (0..32).map(|_| provider.refresh("demo", &tokens));
    futures::future::join_all(spends).await;

    let counted = json!({
        "refreshes": 1,
        "double_spends": 31,
        "reuse_detected": 31,
        "families_revoked": 1,
    });
    provider.assert_counters("demo", counted).await;
}

#[tokio::test]
async fn a_refresh_token_of_another_client_is_refused_and_stays_good() {
    let seeds = vec![
        client("demo", RotationClass::D),
        client("other", RotationClass::D),
    ];
    let provider = Provider::start_with(seeds).await;
    let tokens = provider.connect("demo").await;

    provider.refresh_refused("other", &tokens).await;

    provider.refreshed("demo", &tokens).await;
}

#[tokio::test]
async fn a_refresh_may_narrow_the_scope_and_not_widen_it() {
    let provider = start(RotationClass::D).await;
    let tokens = provider.connect("demo").await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let scoped = |scope| {
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("scope", scope),
        ]
    };

    let wider = provider.token("demo", &scoped("openid calendar")).await;
    let narrower = provider.token("demo", &scoped("openid")).await;

    assert_refused(wider, 400, "invalid_scope").await;
    let narrower: Value = narrower.json().await.unwrap();
    assert_eq!(narrower["scope"], "openid");
}

#[tokio::test]
async fn an_access_token_is_no_refresh_token() {
    let provider = start(RotationClass::D).await;
    let tokens = provider.connect("demo").await;
    let swapped = json!({ "refresh_token": tokens["access_token"] });

    provider.refresh_refused("demo", &swapped).await;
}
