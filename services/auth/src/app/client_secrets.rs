//! The secrets of an environment's OAuth client at a provider, for operators.

use workapi_errors::Error as Refusal;
use workapi_types::{ClientSecret, ProviderName};
use workapi_vault::{SecretAddition, SecretRemoval, StoredSecret};

use crate::app::provider_configs::{environment_guid, require_visible};
use crate::app::{App, Error};

impl App {
    /// Adds a secret to the client of an environment, to be tried first or last.
    pub(crate) async fn add_client_secret(
        &self,
        environment: &str,
        provider: &str,
        secret: &ClientSecret,
        first: bool,
    ) -> Result<StoredSecret, Error> {
        let environment = environment_guid(environment)?;
        let name = provider_name(provider)?;
        require_visible("client_secret", secret.expose())?;
        let addition = self
            .vault()
            .add_client_secret(environment, &name, secret, first);
        match addition.await? {
            SecretAddition::Added(secret) => Ok(secret),
            SecretAddition::NoClient => Err(no_client(provider).into()),
            SecretAddition::Duplicate => {
                Err(Refusal::conflict("the client has this secret already").into())
            }
        }
    }

    /// Lists the secrets of the client of an environment.
    pub(crate) async fn client_secrets(
        &self,
        environment: &str,
        provider: &str,
    ) -> Result<Vec<StoredSecret>, Error> {
        let environment = environment_guid(environment)?;
        let name = provider_name(provider)?;
        let secrets = self.vault().client_secrets(environment, &name).await?;
        Ok(secrets.ok_or_else(|| no_client(provider))?)
    }

    /// Removes a secret of the client of an environment, unless it is the last one.
    pub(crate) async fn remove_client_secret(
        &self,
        environment: &str,
        provider: &str,
        id: &str,
    ) -> Result<(), Error> {
        let environment = environment_guid(environment)?;
        let name = provider_name(provider)?;
        let missing = || Refusal::not_found(format!("no such secret of a client at {provider}"));
        let id = id.parse().map_err(|_| missing())?;
        match self
            .vault()
            .remove_client_secret(environment, &name, id)
            .await?
        {
            SecretRemoval::Removed => Ok(()),
            SecretRemoval::Missing => Err(missing().into()),
            SecretRemoval::Last => Err(Refusal::conflict(
                "it is the client's only secret; add another one first",
            )
            .into()),
        }
    }
}

fn provider_name(provider: &str) -> Result<ProviderName, Refusal> {
    provider.parse().map_err(|_| no_client(provider))
}

fn no_client(provider: &str) -> Refusal {
    Refusal::not_found(format!("no client at {provider}"))
}
