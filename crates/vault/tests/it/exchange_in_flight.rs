//! Revocations while an exchange is in flight that may bring a sibling.

use workapi_types::IntegrationId;
use workapi_vault::{Clearance, Exchange, StateHash};

use crate::credential::{assert_about, row, times};
use crate::fixture::{Fixture, new_integration, new_state, user_of};

impl Fixture {
    /// Begins an exchange of the user of `owner` for another integration of theirs.
    async fn begin(&self, owner: &IntegrationId, group: &str) -> StateHash {
        let state_hash = new_state();
        let exchange = Exchange {
            state_hash,
            integration_id: &new_integration(),
            user_id: &user_of(owner),
            revocation_group: group,
        };
        self.auth.start_exchange(&exchange).await.unwrap();
        state_hash
    }
}

#[tokio::test]
async fn one_of_the_same_user_is_waited_for_until_it_ended() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.deleted(&integration).await;
    let state = vault.begin(&integration, "1234").await;

    let during = vault.clear(&lease).await;

    assert!(matches!(during, Clearance::Waiting));
    assert_about(times(&vault.sql, &integration).await.due_in, 2.0);
    let row = row(&vault.sql, &integration).await;
    assert_eq!((row.lease_token, row.failures), (None, 0));
    vault
        .auth
        .finish_exchange(state, "access_denied")
        .await
        .unwrap();
    let lease = vault.revocation(&integration).await;
    assert!(matches!(vault.clear(&lease).await, Clearance::Clear(_)));
}

#[tokio::test]
async fn one_of_anybody_is_waited_for_when_it_began_before_the_deletion() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.begin(&new_integration(), "1234").await;
    let lease = vault.deleted(&integration).await;

    let clearance = vault.clear(&lease).await;

    assert!(matches!(clearance, Clearance::Waiting));
}

#[tokio::test]
async fn one_of_another_user_that_began_later_is_not_waited_for() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.deleted(&integration).await;
    vault.begin(&new_integration(), "1234").await;

    let clearance = vault.clear(&lease).await;

    assert!(matches!(clearance, Clearance::Clear(_)));
}

#[tokio::test]
async fn one_with_another_client_group_is_not_waited_for() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.begin(&integration, "5678").await;
    let lease = vault.deleted(&integration).await;

    let clearance = vault.clear(&lease).await;

    assert!(matches!(clearance, Clearance::Clear(_)));
}

#[tokio::test]
async fn one_whose_process_died_is_waited_for_no_longer_than_20_minutes() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.begin(&integration, "1234").await;
    sqlx::query("UPDATE used_state SET started_at = started_at - interval '20 minutes'")
        .execute(&vault.sql)
        .await
        .unwrap();
    let lease = vault.deleted(&integration).await;

    let clearance = vault.clear(&lease).await;

    assert!(matches!(clearance, Clearance::Clear(_)));
}
