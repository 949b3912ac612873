//! PostgreSQL goes away and comes back.

use std::time::Duration;

use workapi_testkit::{Proxy, postgres_url};
use workapi_vault::Settled;

use crate::credential::row;
use crate::fixture::{Fixture, new_integration, store, tokens};

#[tokio::test]
async fn an_answer_is_kept_by_offering_it_again() {
    let proxy = Proxy::open(&postgres_url()).await;
    let vault = Fixture::over(Some(&proxy)).await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    let answer = vault.refresher.seal_answer(&lease, &tokens("2")).unwrap();
    let keep = Duration::from_mins(1);
    proxy.cut().await;
    let during = vault
        .refresher
        .commit_rotation(&lease, &answer, Some(keep))
        .await;

    proxy.reopen().await;
    let afterwards = vault
        .refresher
        .commit_rotation(&lease, &answer, Some(keep))
        .await;

    assert!(during.unwrap_err().is_unavailable());
    assert_eq!(afterwards.unwrap(), Settled::Committed);
    assert_eq!(row(&vault.sql, &integration).await.generation, 2);
}

#[tokio::test]
async fn a_grant_is_kept_by_offering_it_again() {
    let proxy = Proxy::open(&postgres_url()).await;
    let vault = Fixture::over(Some(&proxy)).await;
    let integration = new_integration();
    let grant = vault.grant(&integration).await;
    proxy.cut().await;
    let during = store(&vault.auth, &grant).await;

    proxy.reopen().await;
    store(&vault.auth, &grant).await.unwrap();

    assert!(during.unwrap_err().is_unavailable());
    assert_eq!(row(&vault.sql, &integration).await.state, "active");
}
