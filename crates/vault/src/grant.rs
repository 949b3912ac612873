//! What all generations of a grant have in common.

use std::fmt;

use serde::{Deserialize, Serialize};
use workapi_types::{EnvironmentGuid, ProviderConfigId, ProviderName, Scopes, UserId};

/// To whom a grant was given, by whom, and for what.
#[derive(Clone, Serialize, Deserialize)]
pub struct Grant {
    /// The integration's user.
    pub user_id: UserId,
    /// The integration's environment.
    pub environment_guid: EnvironmentGuid,
    /// The provider.
    pub provider: ProviderName,
    /// The OAuth client to which it was granted.
    pub provider_config_id: ProviderConfigId,
    /// What a revocation reaches at most (`Manifest::revocation_group`).
    pub revocation_group: String,
    /// Issuer and subject of the account.
    pub provider_subject: String,
    /// The scopes that were asked for.
    pub asked_scopes: Scopes,
}

/// Leaves out the account, which is a person's.
impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("environment_guid", &self.environment_guid)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
