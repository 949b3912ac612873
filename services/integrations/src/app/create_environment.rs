//! Creates environments, and takes over those that exist elsewhere (interfaces section 3).

use workapi_errors::Error as Refusal;
use workapi_types::EnvironmentGuid;

use super::{App, Error};
use crate::model::{Environment, EnvironmentName};
use crate::store::environments::{self, NewEnvironment};
use crate::tokens::EnvironmentKey;

impl App {
    /// Creates an environment with a public key that the caller made.
    pub(crate) async fn create_environment(
        &self,
        name: &str,
        public_key: &str,
        loopback_return_allowed: bool,
    ) -> Result<Environment, Error> {
        let environment = NewEnvironment {
            guid: EnvironmentGuid::random(),
            name: EnvironmentName::parse(name)?,
            public_key: EnvironmentKey::from_pem(public_key)?,
            loopback_return_allowed,
        };
        self.insert_environment(environment).await
    }

    /// Creates an environment under a guid that it has elsewhere. Without a name it is called
    /// by its guid.
    pub(crate) async fn import_environment(
        &self,
        guid: &str,
        public_key: &str,
        name: &str,
    ) -> Result<Environment, Error> {
        let name = if name.is_empty() { guid } else { name };
        let environment = NewEnvironment {
            guid: guid.parse().map_err(|_| {
                Refusal::bad_request("guid must be a UUID in lower case with hyphens")
            })?,
            name: EnvironmentName::parse(name)?,
            public_key: EnvironmentKey::from_pem(public_key)?,
            loopback_return_allowed: false,
        };
        self.insert_environment(environment).await
    }

    async fn insert_environment(&self, environment: NewEnvironment) -> Result<Environment, Error> {
        let inserted = environments::insert(self.database.pool(), &environment)
            .await?
            .ok_or_else(|| {
                Refusal::conflict("an environment with that guid exists, or is being deleted")
            })?;
        self.environment_keys.forget(inserted.guid).await;
        tracing::info!(environment.guid = %inserted.guid, "created an environment");
        Ok(inserted)
    }
}
