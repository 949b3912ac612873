//! `workapi.auth.v1.OnDemandAdmin`, for who shows the admin token.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status};
use workapi_proto::auth::v1::{
    CheckCredentialRequest, CheckCredentialResponse, CheckOutcome, on_demand_admin_server,
};
use workapi_runtime::{Deadline, SharedSecret};
use workapi_vault::{Check, Refreshment};

use crate::app::App;

pub(super) struct OnDemandAdmin {
    pub(super) app: Arc<App>,
    pub(super) admin_token: SharedSecret,
}

#[tonic::async_trait]
impl on_demand_admin_server::OnDemandAdmin for OnDemandAdmin {
    async fn check_credential(
        &self,
        request: Request<CheckCredentialRequest>,
    ) -> Result<Response<CheckCredentialResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let time_left = Deadline::of(&request).remaining();
        let request = request.into_inner();
        // A negative wish is none.
        let min_remaining = request.min_remaining.unwrap_or_default();
        let min_remaining = Duration::try_from(min_remaining).unwrap_or_default();
        let check = self
            .app
            .check_credential(&request.integration_id, min_remaining, time_left)
            .await?;
        Ok(Response::new(message(&check)))
    }
}

fn message(check: &Check) -> CheckCredentialResponse {
    let state = check.state.map_or("pending", |state| state.as_str());
    CheckCredentialResponse {
        usable: check.is_usable,
        state: state.to_owned(),
        cause: check
            .cause
            .map(|cause| cause.to_string())
            .unwrap_or_default(),
        action: check.action.to_string(),
        generation: check.generation,
        expires_in: check.expires_in.map(duration),
        outcome: outcome(check.refreshment).into(),
        retry_after: check.retry_after.map(duration),
    }
}

fn duration(duration: Duration) -> prost_types::Duration {
    // Fails only beyond ten thousand years.
    duration.try_into().unwrap_or_default()
}

fn outcome(refreshment: Refreshment) -> CheckOutcome {
    match refreshment {
        Refreshment::NotNeeded => CheckOutcome::Fresh,
        Refreshment::Refreshed => CheckOutcome::Refreshed,
        Refreshment::Joined => CheckOutcome::Joined,
        Refreshment::Impossible => CheckOutcome::NotRefreshable,
        Refreshment::BackingOff => CheckOutcome::BackingOff,
        Refreshment::Unanswered => CheckOutcome::Unanswered,
        Refreshment::TimedOut => CheckOutcome::TimedOut,
    }
}
