//! The services that stand behind the gateway, and what a call to them carries.

use tonic::metadata::{Ascii, MetadataValue};
use workapi_proto::auth::v1::authorization_client::AuthorizationClient;
use workapi_proto::auth::v1::credential_statuses_client::CredentialStatusesClient;
use workapi_proto::integrations::v1::integrations_client::IntegrationsClient;
use workapi_proto::integrations::v1::token_keys_client::TokenKeysClient;
use workapi_proto::integrations::v1::users_client::UsersClient;
use workapi_runtime::{Channel, Deadline};

/// Connections to all services, made when first used and again when lost.
#[derive(Clone, Debug)]
pub(crate) struct Upstreams {
    /// The owner of users, integrations and environments.
    pub(crate) integrations: Channel,
    /// The owner of authorizations and provider configs.
    pub(crate) auth: Channel,
}

impl Upstreams {
    /// Returns a client of the user records.
    pub(crate) fn users(&self) -> UsersClient<Channel> {
        UsersClient::new(self.integrations.clone())
    }

    /// Returns a client of the integration records.
    pub(crate) fn integrations(&self) -> IntegrationsClient<Channel> {
        IntegrationsClient::new(self.integrations.clone())
    }

    /// Returns a client of the keys that verify user tokens.
    pub(crate) fn token_keys(&self) -> TokenKeysClient<Channel> {
        TokenKeysClient::new(self.integrations.clone())
    }

    /// Returns a client of the authorization flows.
    pub(crate) fn authorization(&self) -> AuthorizationClient<Channel> {
        AuthorizationClient::new(self.auth.clone())
    }

    /// Returns a client of the states of credentials.
    pub(crate) fn credential_statuses(&self) -> CredentialStatusesClient<Channel> {
        CredentialStatusesClient::new(self.auth.clone())
    }
}

/// In whose name a service is called, and how much time it has.
#[derive(Debug)]
pub(crate) struct Call {
    authorization: Option<MetadataValue<Ascii>>,
    deadline: Deadline,
}

impl Call {
    /// Calls in the name of whoever the token stands for. `None`: the token has characters that
    /// no token has.
    pub(crate) fn with_bearer(token: &str, deadline: Deadline) -> Option<Self> {
        let mut authorization: MetadataValue<Ascii> = format!("Bearer {token}").parse().ok()?;
        authorization.set_sensitive(true);
        Some(Self {
            authorization: Some(authorization),
            deadline,
        })
    }

    /// Calls in nobody's name.
    pub(crate) fn anonymous(deadline: Deadline) -> Self {
        Self {
            authorization: None,
            deadline,
        }
    }

    /// Makes the gRPC request that carries `message`, the bearer and the deadline.
    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        self.deadline.apply(&mut request);
        if let Some(value) = &self.authorization {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        request
    }
}
