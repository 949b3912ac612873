//! The secrets of an OAuth client: added, listed, removed, in order.

use tokio::task::JoinSet;
use uuid::Uuid;
use workapi_types::ClientSecret;
use workapi_vault::{SecretAddition, SecretRemoval, StoredSecret};

use crate::fixture::{Fixture, provider, secret};

impl Fixture {
    async fn add(&self, value: &str, first: bool) -> SecretAddition {
        self.auth
            .add_client_secret(self.environment, &provider(), &secret(value), first)
            .await
            .unwrap()
    }

    async fn remove(&self, id: Uuid) -> SecretRemoval {
        self.auth
            .remove_client_secret(self.environment, &provider(), id)
            .await
            .unwrap()
    }

    /// Returns what is listed, `None` without a client.
    async fn stored(&self) -> Option<Vec<StoredSecret>> {
        self.auth
            .client_secrets(self.environment, &provider())
            .await
            .unwrap()
    }

    async fn listed(&self) -> Vec<StoredSecret> {
        self.stored().await.unwrap()
    }

    /// Returns the secrets in the order in which the refresher tries them.
    async fn tried(&self) -> Vec<String> {
        let config = self.current().await.unwrap().config_id;
        let client = self.refresher.client(config).await.unwrap();
        let secrets = client.secrets.iter().map(ClientSecret::expose);
        secrets.map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn fm_10_a_new_secret_stands_behind_the_others_or_before_them() {
    let vault = Fixture::new().await;
    vault.client("web").await;

    let last = vault.add("last", false).await;
    let first = vault.add("first", true).await;

    assert_eq!(vault.tried().await, ["first", "s3cret", "last"]);
    let listed = vault.listed().await;
    let positions: Vec<_> = listed.iter().map(|secret| secret.position).collect();
    assert_eq!(positions, [1, 2, 3]);
    assert_eq!(first, SecretAddition::Added(listed[0]));
    let SecretAddition::Added(last) = last else {
        panic!("{last:?}");
    };
    assert_eq!((last.id, last.position), (listed[2].id, 2));
}

#[tokio::test]
async fn a_secret_that_is_there_is_not_added_again() {
    let vault = Fixture::new().await;
    vault.client("web").await;
    vault.add("other", false).await;

    assert_eq!(vault.add("s3cret", false).await, SecretAddition::Duplicate);
    assert_eq!(vault.add("other", true).await, SecretAddition::Duplicate);

    assert_eq!(vault.tried().await, ["s3cret", "other"]);
}

#[tokio::test]
async fn a_removed_secret_leaves_the_order_of_the_others() {
    let vault = Fixture::new().await;
    vault.client("web").await;
    vault.add("second", false).await;
    vault.add("third", false).await;
    let middle = vault.listed().await[1].id;

    assert_eq!(vault.remove(middle).await, SecretRemoval::Removed);
    assert_eq!(vault.remove(middle).await, SecretRemoval::Missing);
    vault.add("fourth", false).await;

    assert_eq!(vault.tried().await, ["s3cret", "third", "fourth"]);
    let positions: Vec<_> = vault.listed().await.iter().map(|s| s.position).collect();
    assert_eq!(positions, [1, 2, 3]);
}

#[tokio::test]
async fn the_last_secret_stays() {
    let vault = Fixture::new().await;
    vault.client("web").await;
    let only = vault.listed().await[0].id;

    assert_eq!(vault.remove(only).await, SecretRemoval::Last);

    assert_eq!(vault.tried().await, ["s3cret"]);
}

#[tokio::test]
async fn setting_a_client_replaces_all_of_its_secrets() {
    let vault = Fixture::new().await;
    vault.client("web").await;
    vault.add("second", false).await;

    vault.client("web").await;

    assert_eq!(vault.tried().await, ["s3cret"]);
}

#[tokio::test]
async fn the_secrets_of_another_client_are_out_of_reach() {
    let vault = Fixture::new().await;
    vault.client("old").await;
    let old = vault.listed().await[0].id;
    vault.client("new").await;
    vault.add("second", false).await;

    assert_eq!(vault.remove(old).await, SecretRemoval::Missing);
    assert_eq!(vault.remove(Uuid::new_v4()).await, SecretRemoval::Missing);

    assert_eq!(vault.count("SELECT count(*) FROM client_secret").await, 3);
}

#[tokio::test]
async fn without_a_client_there_are_no_secrets() {
    let vault = Fixture::new().await;

    assert_eq!(vault.add("any", false).await, SecretAddition::NoClient);
    assert_eq!(vault.remove(Uuid::new_v4()).await, SecretRemoval::Missing);
    assert_eq!(vault.stored().await, None);

    assert_eq!(vault.count("SELECT count(*) FROM client_secret").await, 0);
}

#[tokio::test]
async fn of_secrets_that_are_removed_at_once_one_stays() {
    let vault = Fixture::new().await;
    vault.client("web").await;
    for n in 0..7 {
        vault.add(&format!("secret-{n}"), n % 2 == 0).await;
    }
    let mut removing = JoinSet::new();
    for stored in vault.listed().await {
        let (auth, environment) = (vault.auth.clone(), vault.environment);
        removing.spawn(async move {
            auth.remove_client_secret(environment, &provider(), stored.id)
                .await
                .unwrap()
        });
    }

    let mut ends = removing.join_all().await;

    ends.sort_by_key(|end| *end == SecretRemoval::Last);
    assert_eq!(ends[..7], [SecretRemoval::Removed; 7]);
    assert_eq!(ends[7], SecretRemoval::Last);
    assert_eq!(vault.tried().await.len(), 1);
}

#[tokio::test]
async fn the_same_secret_added_at_once_is_there_once() {
    let vault = Fixture::new().await;
    vault.client("web").await;
    let mut adding = JoinSet::new();
    for n in 0..8 {
        let (auth, environment) = (vault.auth.clone(), vault.environment);
        adding.spawn(async move {
            auth.add_client_secret(environment, &provider(), &secret("same"), n % 2 == 0)
                .await
                .unwrap()
        });
    }

    let ends = adding.join_all().await;

    let duplicates = ends.iter().filter(|end| **end == SecretAddition::Duplicate);
    assert_eq!(duplicates.count(), 7);
    assert_eq!(vault.tried().await.len(), 2);
}
