//! `workapi.integrations.v1.Users`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use workapi_proto::integrations::v1::users_server;
use workapi_proto::integrations::v1::{
    CreateUserRequest, CreateUserResponse, DeleteMeRequest, DeleteMeResponse, GetMeRequest,
    GetMeResponse, ReauthUserRequest, ReauthUserResponse,
};

use crate::app::App;
use workapi_runtime::bearer;

pub(super) struct Users {
    app: Arc<App>,
}

impl Users {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl users_server::Users for Users {
    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        let bearer = bearer(request.metadata())?;
        let message = request.get_ref();
        let user = self
            .app
            .create_user(bearer, &message.environment_guid, &message.arbitrary_id)
            .await?;
        Ok(Response::new(CreateUserResponse {
            user: Some(user.into()),
        }))
    }

    async fn reauth_user(
        &self,
        request: Request<ReauthUserRequest>,
    ) -> Result<Response<ReauthUserResponse>, Status> {
        let bearer = bearer(request.metadata())?;
        let message = request.get_ref();
        let user = self
            .app
            .reauth_user(bearer, &message.environment_guid, &message.arbitrary_id)
            .await?;
        Ok(Response::new(ReauthUserResponse {
            user: Some(user.into()),
        }))
    }

    async fn get_me(
        &self,
        request: Request<GetMeRequest>,
    ) -> Result<Response<GetMeResponse>, Status> {
        let caller = self.app.caller(bearer(request.metadata())?).await?;
        let user = self.app.get_me(caller)?;
        Ok(Response::new(GetMeResponse {
            user: Some(user.into()),
        }))
    }

    async fn delete_me(
        &self,
        request: Request<DeleteMeRequest>,
    ) -> Result<Response<DeleteMeResponse>, Status> {
        self.app.delete_me(bearer(request.metadata())?).await?;
        Ok(Response::new(DeleteMeResponse {}))
    }
}
