//! The OAuth clients that environments have at providers, for operators.

use workapi_errors::Error as Refusal;
use workapi_types::{ClientSecret, EnvironmentGuid, ProviderName};
use workapi_vault::{ConfigDeletion, ProviderConfig};

use crate::app::{App, Caller, Error};

/// The OAuth client that an environment shall have at a provider.
#[derive(Debug)]
pub(crate) struct NewProviderConfig {
    pub(crate) environment_guid: String,
    pub(crate) provider: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: ClientSecret,
}

impl App {
    /// Sets the client of an environment at a provider.
    pub(crate) async fn set_provider_config(
        &self,
        caller: &Caller,
        new: NewProviderConfig,
    ) -> Result<ProviderConfig, Error> {
        let environment = environment_guid(&new.environment_guid)?;
        let manifest = self
            .catalogue
            .find(&new.provider)
            .map_err(|unknown| Refusal::bad_request(unknown.to_string()))?;
        require_visible("client_id", &new.client_id)?;
        require_visible("client_secret", new.client_secret.expose())?;
        self.directory
            .require_environment(caller, environment)
            .await?;
        let set = self.vault().set_provider_config(
            environment,
            &manifest.name,
            &new.client_id,
            &new.client_secret,
        );
        Ok(set.await?)
    }

    /// Lists the clients of one environment, or of all when none is named.
    pub(crate) async fn provider_configs(
        &self,
        environment: &str,
    ) -> Result<Vec<ProviderConfig>, Error> {
        let environment = (!environment.is_empty())
            .then(|| environment_guid(environment))
            .transpose()?;
        Ok(self.vault().provider_configs(environment).await?)
    }

    /// Deletes the client of an environment at a provider, unless credentials depend on it.
    pub(crate) async fn delete_provider_config(
        &self,
        environment: &str,
        provider: &str,
    ) -> Result<(), Error> {
        let environment = environment_guid(environment)?;
        let missing = || Refusal::not_found(format!("no client at {provider}"));
        let provider: ProviderName = provider.parse().map_err(|_| missing())?;
        match self
            .vault()
            .delete_provider_config(environment, &provider)
            .await?
        {
            ConfigDeletion::Deleted => Ok(()),
            ConfigDeletion::Missing => Err(missing().into()),
            ConfigDeletion::InUse(credentials) => Err(Refusal::conflict(format!(
                "{credentials} connected integrations depend on it; delete them first"
            ))
            .into()),
        }
    }
}

/// Requires what both members of a client's name may hold (RFC 6749 appendix A).
pub(super) fn require_visible(name: &str, value: &str) -> Result<(), Refusal> {
    let is_visible = value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if is_visible && !value.is_empty() {
        Ok(())
    } else {
        let refusal = format!("{name} must be visible ASCII characters (RFC 6749 appendix A)");
        Err(Refusal::bad_request(refusal))
    }
}

pub(super) fn environment_guid(guid: &str) -> Result<EnvironmentGuid, Refusal> {
    guid.parse().map_err(|_| {
        Refusal::new(
            workapi_errors::Code::EnvironmentNotFound,
            "an environment is named by a lower-case UUID",
        )
    })
}
