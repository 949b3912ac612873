//! Reads environments (interfaces section 3).

use super::{App, Error, environment_not_found, parse_guid};
use crate::model::Environment;
use crate::store::environments;

impl App {
    /// Returns one environment.
    pub(crate) async fn get_environment(&self, guid: &str) -> Result<Environment, Error> {
        let environment = environments::find(self.database.pool(), parse_guid(guid)?).await?;
        Ok(environment.ok_or_else(environment_not_found)?)
    }

    /// Returns all environments in the order of their creation.
    pub(crate) async fn list_environments(&self) -> Result<Vec<Environment>, Error> {
        Ok(environments::list(self.database.pool()).await?)
    }
}
