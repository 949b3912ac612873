//! The secrets of an OAuth client, in the order in which they are tried: with two of them a secret
//! is changed at the provider without a gap (failure mode FM-10).

use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;
use workapi_keyring::{Purpose, Salt};
use workapi_types::{ClientSecret, EnvironmentGuid, ProviderConfigId, ProviderName};

use crate::store::{client_secret as store, lock, provider_config};
use crate::{Error, Vault, sealing};

/// A secret of an OAuth client, without the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Its id.
    pub id: Uuid,
    /// Its place in the order in which they are tried, from 1 on.
    pub position: u32,
    /// When it was added.
    pub created_at: OffsetDateTime,
}

/// How the addition of a secret ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretAddition {
    /// It is there.
    Added(StoredSecret),
    /// The environment has no client at the provider.
    NoClient,
    /// The client has this secret already.
    Duplicate,
}

/// How the removal of a secret ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretRemoval {
    /// It is gone.
    Removed,
    /// The environment has no client at the provider, or the client no such secret.
    Missing,
    /// It is the client's last one.
    Last,
}

impl Vault {
    /// Adds a secret to the OAuth client that is in force, as the first one that is tried or as
    /// the last.
    ///
    /// # Errors
    /// Fails when the vault does; nothing is changed then.
    pub async fn add_client_secret(
        &self,
        environment: EnvironmentGuid,
        provider: &ProviderName,
        secret: &ClientSecret,
        first: bool,
    ) -> Result<SecretAddition, Error> {
        let sealed = self.seal_client_secret(secret)?;
        let mut transaction = self.database.begin().await?;
        lock::client(&mut transaction, environment, provider).await?;
        let current =
            provider_config::find_current(&mut transaction, environment, provider).await?;
        let Some((config, _)) = current else {
            return Ok(SecretAddition::NoClient);
        };
        let known = store::all(&mut transaction, &[config.as_uuid()]).await?;
        let known = self.open_client_secrets(known)?;
        if known.iter().any(|known| known.expose() == secret.expose()) {
            return Ok(SecretAddition::Duplicate);
        }
        store::insert(&mut transaction, config, &sealed, first).await?;
        provider_config::touch(&mut transaction, config).await?;
        let listed = stored(store::list(&mut transaction, config).await?);
        transaction.commit().await?;
        let added = listed.into_iter().find(|listed| listed.id == sealed.id);
        added
            .map(SecretAddition::Added)
            .ok_or(Error::Corrupt("list of client secrets"))
    }

    /// Lists the secrets of the OAuth client that is in force; `None` if there is no client.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn client_secrets(
        &self,
        environment: EnvironmentGuid,
        provider: &ProviderName,
    ) -> Result<Option<Vec<StoredSecret>>, Error> {
        let mut connection = self.database.pool().acquire().await?;
        let current = provider_config::find_current(&mut connection, environment, provider).await?;
        let Some((config, _)) = current else {
            return Ok(None);
        };
        Ok(Some(stored(store::list(&mut connection, config).await?)))
    }

    /// Removes a secret of the OAuth client that is in force, unless it is the last one.
    ///
    /// # Errors
    /// Fails when the vault does; nothing is changed then.
    pub async fn remove_client_secret(
        &self,
        environment: EnvironmentGuid,
        provider: &ProviderName,
        id: Uuid,
    ) -> Result<SecretRemoval, Error> {
        let mut transaction = self.database.begin().await?;
        lock::client(&mut transaction, environment, provider).await?;
        let current =
            provider_config::find_current(&mut transaction, environment, provider).await?;
        let Some((config, _)) = current else {
            return Ok(SecretRemoval::Missing);
        };
        let listed = store::list(&mut transaction, config).await?;
        if !listed.iter().any(|(listed, _)| *listed == id) {
            return Ok(SecretRemoval::Missing);
        }
        if listed.len() == 1 {
            return Ok(SecretRemoval::Last);
        }
        store::delete(&mut transaction, config, id).await?;
        provider_config::touch(&mut transaction, config).await?;
        transaction.commit().await?;
        Ok(SecretRemoval::Removed)
    }

    /// Seals a secret for a row of its own.
    pub(crate) fn seal_client_secret(
        &self,
        secret: &ClientSecret,
    ) -> Result<store::NewSecret, Error> {
        let id = Uuid::new_v4();
        let salt = Salt::random()?;
        let sealed = sealing::seal_secret(&self.keyring, &salt, &id.to_string(), secret)?;
        let key_id = self.keyring.sealing_key_id(Purpose::Client)?.to_owned();
        Ok(store::NewSecret {
            id,
            sealed,
            key_id,
            salt,
        })
    }

    /// Makes a secret the only one of a client.
    pub(crate) async fn replace_client_secrets(
        connection: &mut sqlx::PgConnection,
        config: ProviderConfigId,
        secret: &store::NewSecret,
    ) -> Result<(), Error> {
        store::delete_all(connection, config).await?;
        Ok(store::insert(connection, config, secret, true).await?)
    }

    pub(crate) fn open_client_secrets(
        &self,
        rows: Vec<store::SecretRow>,
    ) -> Result<Vec<ClientSecret>, Error> {
        let open = |row: store::SecretRow| {
            let salt = Salt::from_slice(&row.salt)?;
            let id = row.id.to_string();
            sealing::open_secret(&self.keyring, &salt, &id, &row.sealed_secret)
        };
        rows.into_iter().map(open).collect()
    }
}

fn stored(rows: Vec<(Uuid, OffsetDateTime)>) -> Vec<StoredSecret> {
    (1..)
        .zip(rows)
        .map(|(position, (id, created_at))| StoredSecret {
            id,
            position,
            created_at,
        })
        .collect()
}
