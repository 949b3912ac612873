//! `workapi.auth.v1.Authorization`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use workapi_proto::auth::v1::{
    AuthorizationOutcome, BeginAuthorizationRequest, BeginAuthorizationResponse,
    CompleteAuthorizationRequest, CompleteAuthorizationResponse, ExchangeAuthCodeRequest,
    ExchangeAuthCodeResponse, authorization_server,
};
use workapi_types::AuthorizationCode;

use crate::app::{App, Callback, Caller, Completed};

pub(super) struct Authorization {
    pub(super) app: Arc<App>,
}

#[tonic::async_trait]
impl authorization_server::Authorization for Authorization {
    async fn begin_authorization(
        &self,
        request: Request<BeginAuthorizationRequest>,
    ) -> Result<Response<BeginAuthorizationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let uri = self
            .app
            .begin(&caller, &request.integration_id, &request.return_to)
            .await?;
        Ok(Response::new(BeginAuthorizationResponse {
            uri: uri.into(),
        }))
    }

    async fn complete_authorization(
        &self,
        request: Request<CompleteAuthorizationRequest>,
    ) -> Result<Response<CompleteAuthorizationResponse>, Status> {
        let request = request.into_inner();
        let callback = Callback {
            code: given(request.code).map(AuthorizationCode::new),
            state: given(request.state),
            error: given(request.error),
            iss: given(request.iss),
            malformed: request.malformed,
        };
        let completed = self.app.complete(callback).await?;
        Ok(Response::new(completed.into()))
    }

    async fn exchange_auth_code(
        &self,
        request: Request<ExchangeAuthCodeRequest>,
    ) -> Result<Response<ExchangeAuthCodeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let integration = self
            .app
            .exchange_mobile_code(&caller, &request.integration_id, request.code)
            .await?;
        Ok(Response::new(ExchangeAuthCodeResponse {
            integration: Some(integration),
        }))
    }
}

impl From<Completed> for CompleteAuthorizationResponse {
    fn from(completed: Completed) -> Self {
        Self {
            redirect_to: completed.redirect_to.map(Into::into).unwrap_or_default(),
            outcome: AuthorizationOutcome::from(completed.outcome).into(),
            integration_id: completed.integration_id.map(Into::into).unwrap_or_default(),
            provider_display_name: completed.provider_display_name.unwrap_or_default(),
        }
    }
}

/// A parameter without a value counts as omitted (RFC 6749 section 3.1).
fn given(parameter: Option<String>) -> Option<String> {
    parameter.filter(|value| !value.is_empty())
}
