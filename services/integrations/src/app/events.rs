//! The events of the records.

use workapi_proto::events::v1::{
    IntegrationCreated, IntegrationDeleted, IntegrationUpdated, UserCreated, UserDeleted,
};
use workapi_types::{EnvironmentGuid, UserId};

use crate::model::Integration;

pub(super) fn user_created(user_id: &UserId, environment: EnvironmentGuid) -> UserCreated {
    UserCreated {
        user_id: user_id.to_string(),
        environment_guid: environment.to_string(),
    }
}

pub(super) fn user_deleted(user_id: &UserId, environment: EnvironmentGuid) -> UserDeleted {
    UserDeleted {
        user_id: user_id.to_string(),
        environment_guid: environment.to_string(),
    }
}

pub(super) fn integration_created(
    integration: &Integration,
    user_id: &UserId,
    environment: EnvironmentGuid,
) -> IntegrationCreated {
    IntegrationCreated {
        integration_id: integration.id.to_string(),
        user_id: user_id.to_string(),
        environment_guid: environment.to_string(),
        provider: integration.kind.provider.to_string(),
        media_type: integration.kind.media_type.to_string(),
    }
}

pub(super) fn integration_updated(
    integration: &Integration,
    user_id: &UserId,
    environment: EnvironmentGuid,
) -> IntegrationUpdated {
    IntegrationUpdated {
        integration_id: integration.id.to_string(),
        user_id: user_id.to_string(),
        environment_guid: environment.to_string(),
        provider: integration.kind.provider.to_string(),
        media_type: integration.kind.media_type.to_string(),
    }
}

pub(super) fn integration_deleted(
    integration_id: String,
    user_id: &UserId,
    environment: EnvironmentGuid,
) -> IntegrationDeleted {
    IntegrationDeleted {
        integration_id,
        user_id: user_id.to_string(),
        environment_guid: environment.to_string(),
    }
}
