//! `workapi.auth.v1.JobAdmin`, for who shows the admin token.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use workapi_errors::Error as Refusal;
use workapi_proto::auth::v1::{
    DropDeadLettersRequest, DropDeadLettersResponse, ExplainJobRequest, ExplainJobResponse,
    JobTarget as TargetMessage, ListDeadLettersRequest, ListDeadLettersResponse,
    ListStuckCredentialsRequest, ListStuckCredentialsResponse, RetryJobRequest, RetryJobResponse,
    job_admin_server, job_target,
};
use workapi_runtime::SharedSecret;

use super::job_messages::{attempt, credential, letter, stuck};
use crate::app::{App, JobTarget};

pub(super) struct JobAdmin {
    pub(super) app: Arc<App>,
    pub(super) admin_token: SharedSecret,
}

#[tonic::async_trait]
impl job_admin_server::JobAdmin for JobAdmin {
    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let ListDeadLettersRequest { after, page_size } = request.into_inner();
        let page = self.app.dead_letters(after, page_size).await?;
        Ok(Response::new(ListDeadLettersResponse {
            dead_letters: page.letters.into_iter().map(letter).collect(),
            next: page.next.unwrap_or_default(),
        }))
    }

    async fn list_stuck_credentials(
        &self,
        request: Request<ListStuckCredentialsRequest>,
    ) -> Result<Response<ListStuckCredentialsResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let page_size = request.into_inner().page_size;
        let (credentials, more) = self.app.stuck_credentials(page_size).await?;
        Ok(Response::new(ListStuckCredentialsResponse {
            credentials: credentials.into_iter().map(stuck).collect(),
            more,
        }))
    }

    async fn explain_job(
        &self,
        request: Request<ExplainJobRequest>,
    ) -> Result<Response<ExplainJobResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let target = target(request.into_inner().target)?;
        let mut explained = self.app.explain_job(target).await?;
        let attempts = match &mut explained.inspection {
            Some(inspection) => std::mem::take(&mut inspection.attempts),
            None => Vec::new(),
        };
        Ok(Response::new(ExplainJobResponse {
            credential: explained.inspection.map(credential),
            attempts: attempts.into_iter().map(attempt).collect(),
            dead_letters: explained.letters.into_iter().map(letter).collect(),
            next: explained.next,
            advice: explained.advice,
        }))
    }

    async fn retry_job(
        &self,
        request: Request<RetryJobRequest>,
    ) -> Result<Response<RetryJobResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let target = target(request.into_inner().target)?;
        let retried = self.app.retry_job(target).await?;
        Ok(Response::new(RetryJobResponse {
            integration_id: retried.integration_id.into(),
            state: retried.state.to_string(),
            dead_letters_removed: count(retried.letters),
        }))
    }

    async fn drop_dead_letters(
        &self,
        request: Request<DropDeadLettersRequest>,
    ) -> Result<Response<DropDeadLettersResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let target = target(request.into_inner().target)?;
        let dropped = self.app.drop_dead_letters(target).await?;
        Ok(Response::new(DropDeadLettersResponse {
            dead_letters_removed: count(dropped.letters),
            integration_id: dropped.integration_id.map(Into::into).unwrap_or_default(),
            credential_state: dropped
                .state
                .map(|state| state.to_string())
                .unwrap_or_default(),
        }))
    }
}

fn target(message: Option<TargetMessage>) -> Result<JobTarget, Refusal> {
    match message.and_then(|message| message.target) {
        Some(job_target::Target::IntegrationId(id)) => {
            let id = id.parse().map_err(|_| {
                Refusal::bad_request("an integration is named by 24 lower-case hexadecimal digits")
            })?;
            Ok(JobTarget::Integration(id))
        }
        Some(job_target::Target::DeadLetter(sequence)) => Ok(JobTarget::DeadLetter(sequence)),
        None => Err(Refusal::bad_request(
            "name an integration or a dead letter as the target",
        )),
    }
}

fn count(letters: usize) -> i32 {
    i32::try_from(letters).unwrap_or(i32::MAX)
}
