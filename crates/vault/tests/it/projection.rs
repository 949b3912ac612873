//! Accounts that the owner of the integrations has yet to be told.

use std::collections::HashSet;

use tokio::task::JoinSet;
use workapi_vault::Projection;

use crate::fixture::{Fixture, store};

impl Fixture {
    /// Lets the time pass after which a projection is due.
    async fn make_projections_due(&self) {
        sqlx::query("UPDATE account_projection SET due_at = now()")
            .execute(&self.sql)
            .await
            .unwrap();
    }

    async fn projections(&self) -> Vec<Projection> {
        self.auth.claim_projections(100).await.unwrap()
    }

    async fn projection_due_in(&self) -> f64 {
        sqlx::query_scalar(
            "SELECT extract(epoch FROM due_at - now())::float8 FROM account_projection",
        )
        .fetch_one(&self.sql)
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn whoever_connected_has_ten_seconds_to_tell_it() {
    let vault = Fixture::new().await;
    vault.connected().await;

    let projections = vault.projections().await;

    assert!(projections.is_empty());
    let due_in = vault.projection_due_in().await;
    assert!((0.0..=10.0).contains(&due_in), "{due_in}");
}

#[tokio::test]
async fn an_account_that_nobody_confirmed_is_told_again_every_30_seconds() {
    let vault = Fixture::new().await;
    let integration = crate::fixture::new_integration();
    let grant = vault.connect(&integration).await;
    vault.make_projections_due().await;

    let first = vault.projections().await;
    let at_once = vault.projections().await;

    assert_eq!(first.len(), 1);
    assert_eq!(first[0].integration_id, integration);
    assert_eq!(first[0].grant_id, grant.grant_id);
    assert_eq!(first[0].provider_id, "ann@example.test");
    assert!(at_once.is_empty());
    let due_in = vault.projection_due_in().await;
    assert!((10.0..=30.0).contains(&due_in), "{due_in}");
}

#[tokio::test]
async fn a_confirmed_account_is_not_told_again() {
    let vault = Fixture::new().await;
    let integration = crate::fixture::new_integration();
    let grant = vault.connect(&integration).await;

    vault
        .auth
        .finish_projection(&integration, grant.grant_id)
        .await
        .unwrap();

    vault.make_projections_due().await;
    assert!(vault.projections().await.is_empty());
}

#[tokio::test]
async fn a_confirmation_of_an_older_grant_leaves_the_newer_one_to_be_told() {
    let vault = Fixture::new().await;
    let integration = crate::fixture::new_integration();
    let old = vault.connect(&integration).await;
    let mut new = vault.grant(&integration).await;
    new.provider_id = "ann.new@example.test".to_owned();
    store(&vault.auth, &new).await.unwrap();

    vault
        .auth
        .finish_projection(&integration, old.grant_id)
        .await
        .unwrap();

    vault.make_projections_due().await;
    let projections = vault.projections().await;
    assert_eq!(projections.len(), 1);
    assert_eq!(projections[0].grant_id, new.grant_id);
    assert_eq!(projections[0].provider_id, "ann.new@example.test");
}

#[tokio::test]
async fn tellers_that_claim_at_once_never_share() {
    let vault = Fixture::new().await;
    for _ in 0..30 {
        vault.connected().await;
    }
    vault.make_projections_due().await;
    let mut claiming = JoinSet::new();
    for _ in 0..6 {
        let auth = vault.auth.clone();
        claiming.spawn(async move { auth.claim_projections(5).await.unwrap() });
    }

    let claimed = claiming.join_all().await.concat();

    let distinct: HashSet<_> = claimed.iter().map(|told| &told.integration_id).collect();
    assert_eq!(distinct.len(), claimed.len());
    let rest = vault.projections().await;
    assert_eq!(claimed.len() + rest.len(), 30);
}

#[tokio::test]
async fn debug_output_does_not_tell_the_account() {
    let vault = Fixture::new().await;
    vault.connected().await;
    vault.make_projections_due().await;

    let projections = vault.projections().await;

    assert!(!format!("{projections:?}").contains("ann"));
}
