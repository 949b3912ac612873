//! `workapi.integrations.v1.Directory`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use workapi_proto::integrations::v1::directory_server;
use workapi_proto::integrations::v1::{
    FilterExistingIntegrationsRequest, FilterExistingIntegrationsResponse,
    GetAuthorizationContextRequest, GetAuthorizationContextResponse, RecordProviderIdRequest,
    RecordProviderIdResponse,
};

use crate::app::App;
use workapi_runtime::{SharedSecret, bearer};

pub(super) struct Directory {
    app: Arc<App>,
    internal_token: SharedSecret,
}

impl Directory {
    pub(super) fn new(app: Arc<App>, internal_token: SharedSecret) -> Self {
        Self {
            app,
            internal_token,
        }
    }
}

#[tonic::async_trait]
impl directory_server::Directory for Directory {
    async fn get_authorization_context(
        &self,
        request: Request<GetAuthorizationContextRequest>,
    ) -> Result<Response<GetAuthorizationContextResponse>, Status> {
        let caller = self.app.caller(bearer(request.metadata())?).await?;
        let context = self
            .app
            .authorization_context(&caller, &request.get_ref().integration_id)
            .await?;
        Ok(Response::new(GetAuthorizationContextResponse {
            integration: Some(context.integration.into()),
            user_id: caller.user_id.into(),
            environment_guid: caller.environment_guid.to_string(),
            return_origins: context.return_origins,
            loopback_return_allowed: context.loopback_return_allowed,
        }))
    }

    async fn record_provider_id(
        &self,
        request: Request<RecordProviderIdRequest>,
    ) -> Result<Response<RecordProviderIdResponse>, Status> {
        self.internal_token
            .require_as_internal_token(request.metadata())?;
        self.app.record_provider_id(request.get_ref()).await?;
        Ok(Response::new(RecordProviderIdResponse {}))
    }

    async fn filter_existing_integrations(
        &self,
        request: Request<FilterExistingIntegrationsRequest>,
    ) -> Result<Response<FilterExistingIntegrationsResponse>, Status> {
        self.internal_token
            .require_as_internal_token(request.metadata())?;
        let asked = &request.get_ref().integration_ids;
        let integration_ids = self.app.filter_existing_integrations(asked).await?;
        Ok(Response::new(FilterExistingIntegrationsResponse {
            integration_ids,
        }))
    }
}
