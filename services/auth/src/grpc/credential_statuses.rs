//! `workapi.auth.v1.CredentialStatuses`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use workapi_proto::auth::v1::{
    CredentialStatus, GetCredentialStatusRequest, GetCredentialStatusResponse,
    credential_statuses_server,
};
use workapi_types::{IntegrationId, Scopes};

use super::time::timestamp;
use crate::app::{App, Caller};

pub(super) struct CredentialStatuses {
    pub(super) app: Arc<App>,
}

#[tonic::async_trait]
impl credential_statuses_server::CredentialStatuses for CredentialStatuses {
    async fn get_credential_status(
        &self,
        request: Request<GetCredentialStatusRequest>,
    ) -> Result<Response<GetCredentialStatusResponse>, Status> {
        let caller = Caller::of(&request)?;
        let integration_id = request.into_inner().integration_id;
        let (id, status) = self.app.status(&caller, &integration_id).await?;
        let status = match status {
            Some(status) => message(id, &status),
            None => pending(id),
        };
        Ok(Response::new(GetCredentialStatusResponse {
            status: Some(status),
        }))
    }
}

fn message(id: IntegrationId, status: &workapi_vault::CredentialStatus) -> CredentialStatus {
    CredentialStatus {
        integration_id: id.into(),
        state: status.state.to_string(),
        cause: status.cause.map(|cause| cause.to_string()),
        action: status.action.to_string(),
        since: Some(timestamp(status.since)),
        last_success_at: Some(timestamp(status.last_success_at)),
        expires_at: Some(timestamp(status.access_expires_at)),
        scopes_asked: list(&status.scopes_asked),
        scopes_granted: list(&status.scopes_granted),
    }
}

/// What was never connected has no credential, and so no times and no scopes.
fn pending(id: IntegrationId) -> CredentialStatus {
    CredentialStatus {
        integration_id: id.into(),
        state: "pending".to_owned(),
        action: "none".to_owned(),
        ..CredentialStatus::default()
    }
}

fn list(scopes: &Scopes) -> Vec<String> {
    scopes.iter().map(str::to_owned).collect()
}
