//! `workapi.auth.v1.CredentialAdmin`, for who shows the admin token.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use workapi_proto::auth::v1::{
    ListCredentialsRequest, ListCredentialsResponse, ListedCredential, credential_admin_server,
};
use workapi_runtime::SharedSecret;

use super::time::timestamp;
use crate::app::{App, CredentialQuery};

pub(super) struct CredentialAdmin {
    pub(super) app: Arc<App>,
    pub(super) admin_token: SharedSecret,
}

#[tonic::async_trait]
impl credential_admin_server::CredentialAdmin for CredentialAdmin {
    async fn list_credentials(
        &self,
        request: Request<ListCredentialsRequest>,
    ) -> Result<Response<ListCredentialsResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let request = request.into_inner();
        let query = CredentialQuery {
            state: request.state,
            cause: request.cause,
            provider: request.provider,
            environment_guid: request.environment_guid,
            page_size: request.page_size,
            page_token: request.page_token,
        };
        let page = self.app.credentials(&query).await?;
        Ok(Response::new(ListCredentialsResponse {
            credentials: page.credentials.into_iter().map(message).collect(),
            next_page_token: page.next_page_token.unwrap_or_default(),
        }))
    }
}

fn message(credential: workapi_vault::ListedCredential) -> ListedCredential {
    ListedCredential {
        integration_id: credential.integration_id.into(),
        environment_guid: credential.environment_guid.to_string(),
        provider: credential.provider.to_string(),
        state: credential.state.to_string(),
        cause: credential.cause.map(|cause| cause.to_string()),
        action: credential.action.to_string(),
        since: Some(timestamp(credential.since)),
        last_success_at: Some(timestamp(credential.last_success_at)),
        expires_at: Some(timestamp(credential.access_expires_at)),
    }
}
