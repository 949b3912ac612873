//! Records as messages.

use time::OffsetDateTime;
use workapi_proto::integrations::v1 as proto;

use crate::model::{Environment, Integration, SignedInUser};
use crate::tokens::SigningKey;

impl From<SignedInUser> for proto::User {
    fn from(user: SignedInUser) -> Self {
        Self {
            id: user.id.into(),
            arbitrary_id: user.arbitrary_id,
            token: user.token,
        }
    }
}

impl From<Integration> for proto::Integration {
    fn from(integration: Integration) -> Self {
        Self {
            id: integration.id.into(),
            provider: integration.kind.provider.into(),
            media_type: integration.kind.media_type.to_string(),
            provider_id: integration.provider_id,
        }
    }
}

impl From<Environment> for proto::Environment {
    fn from(environment: Environment) -> Self {
        Self {
            guid: environment.guid.to_string(),
            name: environment.name,
            created_at: Some(timestamp(environment.created_at)),
            public_key: environment.public_key.to_pem(),
        }
    }
}

impl From<&SigningKey> for proto::TokenKey {
    fn from(key: &SigningKey) -> Self {
        Self {
            kid: key.kid.clone(),
            public_key: key.public_key.clone(),
        }
    }
}

fn timestamp(time: OffsetDateTime) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.unix_timestamp(),
        nanos: i32::try_from(time.nanosecond()).unwrap_or_default(),
    }
}
