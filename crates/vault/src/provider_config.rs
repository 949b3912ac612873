//! The OAuth clients that environments have at providers.

use std::collections::{HashMap, HashSet};

use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;
use workapi_types::{ClientSecret, EnvironmentGuid, ProviderConfigId, ProviderName};

use crate::store::{client_secret, lock, provider_config as store};
use crate::{Error, Vault};

/// An OAuth client of an environment, without its secrets.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// Its id.
    pub id: ProviderConfigId,
    /// The environment.
    pub environment_guid: EnvironmentGuid,
    /// The provider.
    pub provider: ProviderName,
    /// The client id at the provider.
    pub client_id: String,
    /// When it was first set.
    pub created_at: OffsetDateTime,
    /// When it was last set.
    pub updated_at: OffsetDateTime,
}

/// An OAuth client as a token request needs it.
#[derive(Clone, Debug)]
pub struct OAuthClient {
    /// The provider config.
    pub config_id: ProviderConfigId,
    /// The client id at the provider.
    pub client_id: String,
    /// The client secrets, in the order in which they are tried.
    pub secrets: Vec<ClientSecret>,
}

/// How the deletion of a provider config ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigDeletion {
    /// It is gone.
    Deleted,
    /// There was none.
    Missing,
    /// This many credentials still depend on it.
    InUse(i64),
}

impl Vault {
    /// Sets the OAuth client of an environment at a provider, and its only secret.
    ///
    /// A client id that replaces another one starts a new config; credentials of the old one
    /// keep it until they are reconnected, because refresh tokens are bound to their client
    /// (RFC 6749 section 6).
    ///
    /// # Errors
    /// Fails when the vault does; nothing is changed then.
    pub async fn set_provider_config(
        &self,
        environment: EnvironmentGuid,
        provider: &ProviderName,
        client_id: &str,
        secret: &ClientSecret,
    ) -> Result<ProviderConfig, Error> {
        let sealed = self.seal_client_secret(secret)?;
        let mut transaction = self.database.begin().await?;
        lock::client(&mut transaction, environment, provider).await?;
        store::retire_other_clients(&mut transaction, environment, provider, client_id).await?;
        let config = store::upsert(&mut transaction, environment, provider, client_id).await?;
        Self::replace_client_secrets(&mut transaction, config.id, &sealed).await?;
        transaction.commit().await?;
        config.try_into()
    }

    /// Lists the provider configs in force, of one environment or of all.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn provider_configs(
        &self,
        environment: Option<EnvironmentGuid>,
    ) -> Result<Vec<ProviderConfig>, Error> {
        let rows = store::list(self.database.pool(), environment).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Deletes the config of an environment at a provider, unless credentials depend on it.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn delete_provider_config(
        &self,
        environment: EnvironmentGuid,
        provider: &ProviderName,
    ) -> Result<ConfigDeletion, Error> {
        let mut transaction = self.database.begin().await?;
        let Some(id) = store::lock_current(&mut transaction, environment, provider).await? else {
            return Ok(ConfigDeletion::Missing);
        };
        let dependents = store::count_dependents(&mut transaction, id).await?;
        if dependents > 0 {
            return Ok(ConfigDeletion::InUse(dependents));
        }
        store::retire(&mut transaction, id).await?;
        client_secret::delete_all(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(ConfigDeletion::Deleted)
    }

    /// Takes the configs of a deleted environment out of force. Their rows stay as long as
    /// credentials are yet to be revoked with them.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn retire_environment(&self, environment: EnvironmentGuid) -> Result<(), Error> {
        Ok(store::retire_environment(self.database.pool(), environment).await?)
    }

    /// Returns the client with which an environment connects at a provider.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn current_client(
        &self,
        environment: EnvironmentGuid,
        provider: &ProviderName,
    ) -> Result<Option<OAuthClient>, Error> {
        let mut connection = self.database.pool().acquire().await?;
        match store::find_current(&mut connection, environment, provider).await? {
            Some((id, client_id)) => {
                let secrets = client_secret::all(&mut connection, &[id.as_uuid()]).await?;
                self.open_client(id, client_id, secrets).map(Some)
            }
            None => Ok(None),
        }
    }

    /// Returns the client to which a credential was granted. It is read each time, together with
    /// those that others ask for, so that a change of secrets is seen at once.
    ///
    /// # Errors
    /// Fails when the vault does, or when there is no such config.
    pub async fn client(&self, id: ProviderConfigId) -> Result<OAuthClient, Error> {
        let together = self.reading_clients.ask(id, async |ids| {
            let read = self.read_clients(&ids).await?;
            let read_well = |id| read.get(id)?.as_ref().ok().cloned();
            Ok(ids.iter().map(read_well).collect())
        });
        if let Some(client) = together.await.flatten() {
            return Ok(client);
        }
        let mut read = self.read_clients(&[id]).await?;
        read.remove(&id)
            .unwrap_or(Err(Error::Corrupt("reference to a provider config")))
    }

    /// Reads clients; what is wrong with one is no matter of the others.
    async fn read_clients(
        &self,
        ids: &[ProviderConfigId],
    ) -> Result<HashMap<ProviderConfigId, Result<OAuthClient, Error>>, Error> {
        let ids: HashSet<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        let ids = Vec::from_iter(ids);
        let mut connection = self.database.pool().acquire().await?;
        let found = store::client_ids(&mut connection, &ids).await?;
        let mut secrets: HashMap<Uuid, Vec<_>> = HashMap::new();
        for row in client_secret::all(&mut connection, &ids).await? {
            secrets.entry(row.provider_config_id).or_default().push(row);
        }
        let open = |(uuid, client_id)| {
            let id = ProviderConfigId::from_uuid(uuid);
            let secrets = secrets.remove(&uuid).unwrap_or_default();
            (id, self.open_client(id, client_id, secrets))
        };
        Ok(found.into_iter().map(open).collect())
    }

    fn open_client(
        &self,
        config_id: ProviderConfigId,
        client_id: String,
        rows: Vec<client_secret::SecretRow>,
    ) -> Result<OAuthClient, Error> {
        let secrets = self.open_client_secrets(rows)?;
        Ok(OAuthClient {
            config_id,
            client_id,
            secrets,
        })
    }
}

impl TryFrom<store::ConfigRow> for ProviderConfig {
    type Error = Error;

    fn try_from(row: store::ConfigRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            environment_guid: EnvironmentGuid::from_uuid(row.environment_guid),
            provider: row
                .provider
                .parse()
                .map_err(|_| Error::Corrupt("provider name"))?,
            client_id: row.client_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
