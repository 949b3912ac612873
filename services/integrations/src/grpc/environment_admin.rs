//! `workapi.integrations.v1.EnvironmentAdmin`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use workapi_proto::integrations::v1::environment_admin_server;
use workapi_proto::integrations::v1::{
    AddReturnOriginRequest, AddReturnOriginResponse, CreateEnvironmentRequest,
    CreateEnvironmentResponse, DeleteEnvironmentRequest, DeleteEnvironmentResponse,
    GetEnvironmentRequest, GetEnvironmentResponse, ImportEnvironmentRequest,
    ImportEnvironmentResponse, ListEnvironmentsRequest, ListEnvironmentsResponse,
    ListReturnOriginsRequest, ListReturnOriginsResponse, RemoveReturnOriginRequest,
    RemoveReturnOriginResponse,
};

use crate::app::App;
use workapi_runtime::SharedSecret;

pub(super) struct EnvironmentAdmin {
    app: Arc<App>,
    admin_token: SharedSecret,
}

impl EnvironmentAdmin {
    pub(super) fn new(app: Arc<App>, admin_token: SharedSecret) -> Self {
        Self { app, admin_token }
    }

    /// Returns the message of an operator's request.
    fn admitted<'a, T>(&self, request: &'a Request<T>) -> Result<&'a T, workapi_errors::Error> {
        self.admin_token.require_as_bearer(request.metadata())?;
        Ok(request.get_ref())
    }
}

#[tonic::async_trait]
impl environment_admin_server::EnvironmentAdmin for EnvironmentAdmin {
    async fn create_environment(
        &self,
        request: Request<CreateEnvironmentRequest>,
    ) -> Result<Response<CreateEnvironmentResponse>, Status> {
        let message = self.admitted(&request)?;
        let environment = self
            .app
            .create_environment(
                &message.name,
                &message.public_key,
                message.loopback_return_allowed,
            )
            .await?;
        Ok(Response::new(CreateEnvironmentResponse {
            environment: Some(environment.into()),
        }))
    }

    async fn import_environment(
        &self,
        request: Request<ImportEnvironmentRequest>,
    ) -> Result<Response<ImportEnvironmentResponse>, Status> {
        let message = self.admitted(&request)?;
        let environment = self
            .app
            .import_environment(&message.guid, &message.public_key, &message.name)
            .await?;
        Ok(Response::new(ImportEnvironmentResponse {
            environment: Some(environment.into()),
        }))
    }

    async fn get_environment(
        &self,
        request: Request<GetEnvironmentRequest>,
    ) -> Result<Response<GetEnvironmentResponse>, Status> {
        let message = self.admitted(&request)?;
        let environment = self.app.get_environment(&message.guid).await?;
        Ok(Response::new(GetEnvironmentResponse {
            environment: Some(environment.into()),
        }))
    }

    async fn list_environments(
        &self,
        request: Request<ListEnvironmentsRequest>,
    ) -> Result<Response<ListEnvironmentsResponse>, Status> {
        self.admitted(&request)?;
        let environments = self.app.list_environments().await?;
        let environments = environments.into_iter().map(Into::into).collect();
        Ok(Response::new(ListEnvironmentsResponse { environments }))
    }

    async fn delete_environment(
        &self,
        request: Request<DeleteEnvironmentRequest>,
    ) -> Result<Response<DeleteEnvironmentResponse>, Status> {
        let message = self.admitted(&request)?;
        self.app.delete_environment(&message.guid).await?;
        Ok(Response::new(DeleteEnvironmentResponse {}))
    }

    async fn add_return_origin(
        &self,
        request: Request<AddReturnOriginRequest>,
    ) -> Result<Response<AddReturnOriginResponse>, Status> {
        let message = self.admitted(&request)?;
        let origin = self
            .app
            .add_return_origin(&message.environment_guid, &message.origin)
            .await?;
        Ok(Response::new(AddReturnOriginResponse {
            origin: origin.as_str().to_owned(),
        }))
    }

    async fn list_return_origins(
        &self,
        request: Request<ListReturnOriginsRequest>,
    ) -> Result<Response<ListReturnOriginsResponse>, Status> {
        let message = self.admitted(&request)?;
        let origins = self
            .app
            .list_return_origins(&message.environment_guid)
            .await?;
        Ok(Response::new(ListReturnOriginsResponse { origins }))
    }

    async fn remove_return_origin(
        &self,
        request: Request<RemoveReturnOriginRequest>,
    ) -> Result<Response<RemoveReturnOriginResponse>, Status> {
        let message = self.admitted(&request)?;
        self.app
            .remove_return_origin(&message.environment_guid, &message.origin)
            .await?;
        Ok(Response::new(RemoveReturnOriginResponse {}))
    }
}
