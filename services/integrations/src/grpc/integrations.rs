//! `workapi.integrations.v1.Integrations`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use workapi_proto::integrations::v1::integrations_server;
use workapi_proto::integrations::v1::{
    CreateIntegrationRequest, CreateIntegrationResponse, DeleteIntegrationRequest,
    DeleteIntegrationResponse, GetIntegrationRequest, GetIntegrationResponse,
    ListIntegrationsRequest, ListIntegrationsResponse, UpdateIntegrationRequest,
    UpdateIntegrationResponse,
};

use crate::app::App;
use workapi_runtime::bearer;

pub(super) struct Integrations {
    app: Arc<App>,
}

impl Integrations {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl integrations_server::Integrations for Integrations {
    async fn create_integration(
        &self,
        request: Request<CreateIntegrationRequest>,
    ) -> Result<Response<CreateIntegrationResponse>, Status> {
        let caller = self.app.caller(bearer(request.metadata())?).await?;
        let message = request.get_ref();
        let integration = self
            .app
            .create_integration(&caller, &message.provider, &message.media_type)
            .await?;
        Ok(Response::new(CreateIntegrationResponse {
            integration: Some(integration.into()),
        }))
    }

    async fn list_integrations(
        &self,
        request: Request<ListIntegrationsRequest>,
    ) -> Result<Response<ListIntegrationsResponse>, Status> {
        let caller = self.app.caller(bearer(request.metadata())?).await?;
        let integrations = self.app.list_integrations(&caller).await?;
        let integrations = integrations.into_iter().map(Into::into).collect();
        Ok(Response::new(ListIntegrationsResponse { integrations }))
    }

    async fn get_integration(
        &self,
        request: Request<GetIntegrationRequest>,
    ) -> Result<Response<GetIntegrationResponse>, Status> {
        let caller = self.app.caller(bearer(request.metadata())?).await?;
        let integration = self
            .app
            .get_integration(&caller, &request.get_ref().id)
            .await?;
        Ok(Response::new(GetIntegrationResponse {
            integration: Some(integration.into()),
        }))
    }

    async fn update_integration(
        &self,
        request: Request<UpdateIntegrationRequest>,
    ) -> Result<Response<UpdateIntegrationResponse>, Status> {
        let caller = self.app.caller(bearer(request.metadata())?).await?;
        let message = request.get_ref();
        let integration = self
            .app
            .update_integration(&caller, &message.id, &message.provider, &message.media_type)
            .await?;
        Ok(Response::new(UpdateIntegrationResponse {
            integration: Some(integration.into()),
        }))
    }

    async fn delete_integration(
        &self,
        request: Request<DeleteIntegrationRequest>,
    ) -> Result<Response<DeleteIntegrationResponse>, Status> {
        let caller = self.app.caller(bearer(request.metadata())?).await?;
        self.app
            .delete_integration(&caller, &request.get_ref().id)
            .await?;
        Ok(Response::new(DeleteIntegrationResponse {}))
    }
}
