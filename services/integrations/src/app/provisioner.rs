//! Who is calling with an APT: a developer, for one environment.
//!
//! The order of the checks is that of interfaces section 6. The gateway asks whether the bearer
//! has an APT's shape before it reads the body, answers 400 to a body that is not JSON, and sends
//! empty strings for what the body lacks; all else is decided here.

use workapi_types::EnvironmentGuid;

use super::{App, Error, environment_not_found, parse_guid};
use crate::model::ArbitraryId;
use crate::tokens::{Apt, AptUser, EnvironmentKey, invalid_token};

impl App {
    /// Checks an APT against the body that came with it. Returns the environment, and the user's
    /// name where the APT has it.
    pub(super) async fn provisioner(
        &self,
        bearer: &str,
        environment_guid: &str,
        arbitrary_id: &str,
    ) -> Result<(EnvironmentGuid, Option<String>), Error> {
        let apt = Apt::parse(bearer)?;
        let (guid, key) = self.environment_with_key(environment_guid).await?;
        let user = apt.verify(&key, self.clock.unix_seconds())?;
        let agrees = user.environment_guid == environment_guid
            && user
                .arbitrary_id
                .as_deref()
                .is_none_or(|claimed| claimed == arbitrary_id);
        if !agrees {
            return Err(invalid_token().into());
        }
        Ok((guid, user.arbitrary_id))
    }

    /// Checks an APT that came without a body. Returns the environment and the user's name.
    ///
    /// An APT that names no environment at all is an invalid token; one that names an environment
    /// that does not exist gets that said.
    pub(super) async fn provisioner_without_body(
        &self,
        apt: Apt<'_>,
    ) -> Result<(EnvironmentGuid, ArbitraryId), Error> {
        let claimed = apt.claimed_environment()?;
        let (guid, key) = self.environment_with_key(&claimed).await?;
        let AptUser { arbitrary_id, .. } = apt.verify(&key, self.clock.unix_seconds())?;
        Ok((guid, required_arbitrary_id(arbitrary_id)?))
    }

    async fn environment_with_key(
        &self,
        guid: &str,
    ) -> Result<(EnvironmentGuid, EnvironmentKey), Error> {
        let guid = parse_guid(guid)?;
        let key = self.environment_keys.get(&self.database, guid).await?;
        Ok((guid, key.ok_or_else(environment_not_found)?))
    }
}

/// Returns the name that an APT must have for this call.
pub(super) fn required_arbitrary_id(claimed: Option<String>) -> Result<ArbitraryId, Error> {
    let claimed = claimed.ok_or_else(|| {
        workapi_errors::Error::invalid_token("+arbitrary_id+ is missing from APT")
    })?;
    Ok(ArbitraryId::parse(&claimed)?)
}
