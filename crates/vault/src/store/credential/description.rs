//! The columns that all generations of a grant have in common.

use uuid::Uuid;
use workapi_types::{EnvironmentGuid, ProviderConfigId};

use crate::{Error, Grant};

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct DescriptionRow {
    pub(crate) user_id: String,
    pub(crate) environment_guid: Uuid,
    pub(crate) provider: String,
    pub(crate) provider_config_id: Uuid,
    pub(crate) revocation_group: String,
    pub(crate) provider_subject: String,
    pub(crate) asked_scopes: String,
}

impl TryFrom<DescriptionRow> for Grant {
    type Error = Error;

    fn try_from(row: DescriptionRow) -> Result<Self, Error> {
        Ok(Self {
            user_id: row
                .user_id
                .try_into()
                .map_err(|_| Error::Corrupt("user id"))?,
            environment_guid: EnvironmentGuid::from_uuid(row.environment_guid),
            provider: row
                .provider
                .try_into()
                .map_err(|_| Error::Corrupt("provider name"))?,
            provider_config_id: ProviderConfigId::from_uuid(row.provider_config_id),
            revocation_group: row.revocation_group,
            provider_subject: row.provider_subject,
            asked_scopes: row.asked_scopes.split_whitespace().collect(),
        })
    }
}
