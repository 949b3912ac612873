//! What `integrations`, the owner of the records, is asked and told.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tonic::metadata::errors::InvalidMetadataValue;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, Request, Status};
use workapi_errors::Error as Refusal;
use workapi_proto::integrations::v1::directory_client::DirectoryClient;
use workapi_proto::integrations::v1::environment_admin_client::EnvironmentAdminClient;
use workapi_proto::integrations::v1::{
    FilterExistingIntegrationsRequest, GetAuthorizationContextRequest, GetEnvironmentRequest,
    Integration, RecordProviderIdRequest,
};
use workapi_runtime::{Channel, Deadline, INTERNAL_TOKEN};
use workapi_types::{EnvironmentGuid, IntegrationId, MediaType, ProviderName, UserId};
use workapi_vault::Projection;

use crate::app::Error;

/// How long a call may take that no user waits for.
const BACKGROUND_DEADLINE: Duration = Duration::from_secs(5);

/// Who is calling, as the owner of the records will check.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The metadata value `Bearer …` of the request.
    pub(crate) authorization: MetadataValue<Ascii>,
    /// By when the answer is wanted.
    pub(crate) deadline: Deadline,
}

impl Caller {
    /// Reads who makes a request. The token is passed on to the owner of the records, who checks
    /// it.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Refusal> {
        let authorization = request.metadata().get("authorization").cloned();
        Ok(Self {
            authorization: authorization.ok_or_else(|| Refusal::invalid_token("invalid token"))?,
            deadline: Deadline::of(request),
        })
    }

    /// Makes a request in the caller's name, to be answered in the caller's time.
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.authorization.clone());
        self.deadline.apply(&mut request);
        request
    }
}

/// What an authorization needs to know about its integration.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) integration: Integration,
    pub(crate) integration_id: IntegrationId,
    pub(crate) user_id: UserId,
    pub(crate) environment_guid: EnvironmentGuid,
    pub(crate) provider: ProviderName,
    pub(crate) media_type: MediaType,
    pub(crate) return_origins: Vec<String>,
    pub(crate) loopback_return_allowed: bool,
}

/// Whether the owner of the records took an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// It did.
    Done,
    /// The integration is gone.
    Gone,
}

/// The client of the owner of the records.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    client: DirectoryClient<Channel>,
    environments: EnvironmentAdminClient<Channel>,
    internal_token: MetadataValue<Ascii>,
}

impl Directory {
    /// # Errors
    /// The token holds what no header can.
    pub(crate) fn new(
        channel: Channel,
        internal_token: &SecretString,
    ) -> Result<Self, InvalidMetadataValue> {
        let mut token = MetadataValue::try_from(internal_token.expose_secret())?;
        token.set_sensitive(true);
        Ok(Self {
            client: DirectoryClient::new(channel.clone()),
            environments: EnvironmentAdminClient::new(channel),
            internal_token: token,
        })
    }

    /// Returns an integration of the calling user.
    pub(crate) async fn context(
        &self,
        caller: &Caller,
        integration_id: &str,
    ) -> Result<Context, Error> {
        let request = caller.request(GetAuthorizationContextRequest {
            integration_id: integration_id.to_owned(),
        });
        let answer = self
            .client
            .clone()
            .get_authorization_context(request)
            .await?
            .into_inner();
        let malformed = || {
            tracing::error!("integrations answered a malformed authorization context");
            Refusal::internal()
        };
        let integration = answer.integration.ok_or_else(malformed)?;
        Ok(Context {
            integration_id: integration.id.parse().map_err(|_| malformed())?,
            user_id: answer.user_id.parse().map_err(|_| malformed())?,
            environment_guid: answer.environment_guid.parse().map_err(|_| malformed())?,
            provider: integration.provider.parse().map_err(|_| malformed())?,
            media_type: integration.media_type.parse().map_err(|_| malformed())?,
            return_origins: answer.return_origins,
            loopback_return_allowed: answer.loopback_return_allowed,
            integration,
        })
    }

    /// Requires that an environment exists, in the name of an operator.
    pub(crate) async fn require_environment(
        &self,
        caller: &Caller,
        guid: EnvironmentGuid,
    ) -> Result<(), Error> {
        let request = caller.request(GetEnvironmentRequest {
            guid: guid.to_string(),
        });
        self.environments.clone().get_environment(request).await?;
        Ok(())
    }

    /// Tells the account that an integration was connected to.
    pub(crate) async fn record(&self, account: &Projection) -> Result<Recorded, Status> {
        let request = self.background(RecordProviderIdRequest {
            integration_id: account.integration_id.to_string(),
            provider_id: account.provider_id.clone(),
            grant_id: account.grant_id.to_string(),
            provider: account.provider.to_string(),
            media_type: account.media_type.to_string(),
        });
        match self.client.clone().record_provider_id(request).await {
            Ok(_) => Ok(Recorded::Done),
            Err(status) if status.code() == Code::NotFound => Ok(Recorded::Gone),
            Err(status) => Err(status),
        }
    }

    /// Returns which of `ids` still exist.
    pub(crate) async fn existing(
        &self,
        ids: &[IntegrationId],
    ) -> Result<Vec<IntegrationId>, Status> {
        let request = self.background(FilterExistingIntegrationsRequest {
            integration_ids: ids.iter().map(ToString::to_string).collect(),
        });
        let answer = self
            .client
            .clone()
            .filter_existing_integrations(request)
            .await?
            .into_inner();
        Ok(answer
            .integration_ids
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect())
    }

    fn background<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let token = self.internal_token.clone();
        request.metadata_mut().insert(INTERNAL_TOKEN, token);
        request.set_timeout(BACKGROUND_DEADLINE);
        request
    }
}
