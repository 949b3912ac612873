//! OAuth clients: set, changed, listed, deleted.

use tokio::task::JoinSet;
use workapi_proto::events::v1::ProviderRevocation;
use workapi_types::{ClientSecret, EnvironmentGuid, ProviderConfigId};
use workapi_vault::{ConfigDeletion, Error, OAuthClient};

use crate::fixture::{Fixture, provider, secret};

fn secrets(client: &OAuthClient) -> Vec<&str> {
    client.secrets.iter().map(ClientSecret::expose).collect()
}

impl Fixture {
    /// Returns the client that is in force.
    pub(crate) async fn current(&self) -> Option<OAuthClient> {
        self.auth
            .current_client(self.environment, &provider())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_client_that_was_set_is_found_by_both_programs() {
    let vault = Fixture::new().await;

    let config = vault
        .auth
        .set_provider_config(vault.environment, &provider(), "web", &secret("one"))
        .await
        .unwrap();

    assert_eq!(config.environment_guid, vault.environment);
    assert_eq!(config.provider, provider());
    assert_eq!(config.client_id, "web");
    let current = vault.current().await.unwrap();
    assert_eq!(current.config_id, config.id);
    assert_eq!(current.client_id, "web");
    assert_eq!(secrets(&current), ["one"]);
    let same = vault.refresher.client(config.id).await.unwrap();
    assert_eq!(same.client_id, "web");
    assert_eq!(secrets(&same), ["one"]);
}

#[tokio::test]
async fn setting_a_client_again_replaces_its_secret() {
    let vault = Fixture::new().await;
    let set = async |value: &str| {
        vault
            .auth
            .set_provider_config(vault.environment, &provider(), "web", &secret(value))
            .await
            .unwrap()
    };
    let first = set("one").await;

    let second = set("two").await;

    assert_eq!(second.id, first.id);
    assert_eq!(second.created_at, first.created_at);
    assert!(second.updated_at > first.updated_at);
    let client = vault.auth.client(first.id).await.unwrap();
    assert_eq!(secrets(&client), ["two"]);
}

#[tokio::test]
async fn a_new_client_id_leaves_the_old_client_to_its_credentials() {
    let vault = Fixture::new().await;
    let old = vault.client("old").await;
    let integration = vault.connected().await;

    let new = vault.client("new").await;

    assert_ne!(new, old);
    assert_eq!(vault.current().await.unwrap().config_id, new);
    let lease = vault.lease(&integration).await;
    assert_eq!(lease.grant.provider_config_id, old);
    let client = vault.refresher.client(old).await.unwrap();
    assert_eq!(client.client_id, "old");
    assert_eq!(secrets(&client), ["s3cret"]);
}

#[tokio::test]
async fn a_client_id_that_comes_back_is_the_same_config() {
    let vault = Fixture::new().await;
    let first = vault.client("first").await;
    vault.client("second").await;

    let again = vault.client("first").await;

    assert_eq!(again, first);
    let configs = vault.auth.provider_configs(Some(vault.environment)).await;
    let client_ids: Vec<_> = configs.unwrap().into_iter().map(|c| c.client_id).collect();
    assert_eq!(client_ids, ["first"]);
}

#[tokio::test]
async fn of_clients_that_are_set_at_once_one_is_in_force_with_its_own_secret() {
    let vault = Fixture::new().await;
    let mut setting = JoinSet::new();
    for n in 0..16 {
        let (auth, environment) = (vault.auth.clone(), vault.environment);
        setting.spawn(async move {
            let name = format!("client-{}", n % 4);
            auth.set_provider_config(environment, &provider(), &name, &secret(&name))
                .await
        });
    }

    let set = setting.join_all().await;

    for result in set {
        result.unwrap();
    }
    let configs = vault.auth.provider_configs(None).await.unwrap();
    assert_eq!(configs.len(), 1);
    let client = vault.auth.client(configs[0].id).await.unwrap();
    assert_eq!(secrets(&client), [client.client_id.as_str()]);
}

#[tokio::test]
async fn clients_are_listed_for_one_environment_or_for_all() {
    let vault = Fixture::new().await;
    let other = EnvironmentGuid::random();
    vault.client("mine").await;
    vault
        .auth
        .set_provider_config(other, &"gmail".parse().unwrap(), "theirs", &secret("x"))
        .await
        .unwrap();

    let mine = vault.auth.provider_configs(Some(vault.environment)).await;
    let all = vault.auth.provider_configs(None).await;

    assert_eq!(mine.unwrap().len(), 1);
    assert_eq!(all.unwrap().len(), 2);
}

#[tokio::test]
async fn a_client_without_credentials_is_deleted_with_its_secret() {
    let vault = Fixture::new().await;
    vault.client("web").await;

    let deletion = vault
        .auth
        .delete_provider_config(vault.environment, &provider())
        .await
        .unwrap();

    assert_eq!(deletion, ConfigDeletion::Deleted);
    assert!(vault.current().await.is_none());
    assert_eq!(vault.count("SELECT count(*) FROM client_secret").await, 0);
}

#[tokio::test]
async fn deleting_a_client_that_is_not_there_says_so() {
    let vault = Fixture::new().await;

    let deletion = vault
        .auth
        .delete_provider_config(vault.environment, &provider())
        .await
        .unwrap();

    assert_eq!(deletion, ConfigDeletion::Missing);
}

#[tokio::test]
async fn a_client_is_kept_until_the_last_of_its_credentials_is_revoked() {
    let vault = Fixture::new().await;
    let delete = async || {
        vault
            .auth
            .delete_provider_config(vault.environment, &provider())
            .await
            .unwrap()
    };
    let integration = vault.connected().await;
    let while_active = delete().await;
    vault.auth.delete(&integration).await.unwrap();
    let while_revoking = delete().await;
    let lease = vault.revocation(&integration).await;
    vault
        .refresher
        .finish_revocation(&lease, ProviderRevocation::Done)
        .await
        .unwrap();

    let when_revoked = delete().await;

    assert_eq!(while_active, ConfigDeletion::InUse(1));
    assert_eq!(while_revoking, ConfigDeletion::InUse(1));
    assert_eq!(when_revoked, ConfigDeletion::Deleted);
}

#[tokio::test]
async fn a_retired_environment_connects_no_more_but_can_still_revoke() {
    let vault = Fixture::new().await;
    let config = vault.client("web").await;

    vault
        .auth
        .retire_environment(vault.environment)
        .await
        .unwrap();

    assert!(vault.current().await.is_none());
    let client = vault.refresher.client(config).await.unwrap();
    assert_eq!(secrets(&client), ["s3cret"]);
}

#[tokio::test]
async fn a_config_that_never_was_is_an_error() {
    let vault = Fixture::new().await;

    let client = vault.refresher.client(ProviderConfigId::random()).await;

    assert!(matches!(client, Err(Error::Corrupt(_))));
}
