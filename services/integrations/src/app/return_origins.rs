//! Decides what an environment allows as `return_to` (interfaces sections 3 and 6).

use workapi_errors::Error as Refusal;

use super::{App, Error, environment_not_found, parse_guid};
use crate::return_origin::ReturnOrigin;
use crate::store::return_origins;

impl App {
    /// Allows an origin and returns it as it is compared. It may be allowed already.
    pub(crate) async fn add_return_origin(
        &self,
        environment_guid: &str,
        origin: &str,
    ) -> Result<ReturnOrigin, Error> {
        let guid = parse_guid(environment_guid)?;
        let origin = ReturnOrigin::parse(origin)?;
        if !return_origins::insert(self.database.pool(), guid, &origin).await? {
            return Err(environment_not_found().into());
        }
        Ok(origin)
    }

    /// Returns what an environment allows, in order.
    pub(crate) async fn list_return_origins(
        &self,
        environment_guid: &str,
    ) -> Result<Vec<String>, Error> {
        let guid = parse_guid(environment_guid)?;
        let origins = return_origins::list(self.database.pool(), guid).await?;
        Ok(origins.ok_or_else(environment_not_found)?)
    }

    /// Withdraws an allowance.
    pub(crate) async fn remove_return_origin(
        &self,
        environment_guid: &str,
        origin: &str,
    ) -> Result<(), Error> {
        let guid = parse_guid(environment_guid)?;
        let origin = ReturnOrigin::parse(origin)?;
        if !return_origins::delete(self.database.pool(), guid, &origin).await? {
            return Err(Refusal::not_found("the environment does not allow that origin").into());
        }
        Ok(())
    }
}
