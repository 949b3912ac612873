//! `workapi.auth.v1.RestoreAdmin`, for who shows the admin token.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use workapi_proto::auth::v1::{
    GetRestoreStatusRequest, GetRestoreStatusResponse, Quarantine, ReleaseQuarantineRequest,
    ReleaseQuarantineResponse, restore_admin_server,
};
use workapi_runtime::SharedSecret;

use super::time::timestamp;
use crate::app::App;

pub(super) struct RestoreAdmin {
    pub(super) app: Arc<App>,
    pub(super) admin_token: SharedSecret,
}

#[tonic::async_trait]
impl restore_admin_server::RestoreAdmin for RestoreAdmin {
    async fn get_restore_status(
        &self,
        request: Request<GetRestoreStatusRequest>,
    ) -> Result<Response<GetRestoreStatusResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let last = self.app.last_quarantine().await?;
        Ok(Response::new(GetRestoreStatusResponse {
            quarantine: last.map(message),
        }))
    }

    async fn release_quarantine(
        &self,
        request: Request<ReleaseQuarantineRequest>,
    ) -> Result<Response<ReleaseQuarantineResponse>, Status> {
        self.admin_token.require_as_bearer(request.metadata())?;
        let force = request.into_inner().force;
        let released = self.app.release_quarantine(force).await?;
        Ok(Response::new(ReleaseQuarantineResponse {
            quarantine: Some(message(released)),
        }))
    }
}

fn message(quarantine: workapi_vault::Quarantine) -> Quarantine {
    Quarantine {
        id: quarantine.id.to_string(),
        started_at: Some(timestamp(quarantine.started_at)),
        commits: quarantine.commits,
        watermark: quarantine.watermark,
        deletions_replayed_at: quarantine.deletions_replayed_at.map(timestamp),
        grants_folded_at: quarantine.grants_folded_at.map(timestamp),
        grants_folded: quarantine.grants_folded,
        rotations_folded_at: quarantine.rotations_folded_at.map(timestamp),
        rotations_folded: quarantine.rotations_folded,
        entries_failed: quarantine.entries_failed,
        ended_at: quarantine.ended_at.map(timestamp),
        ended_by: quarantine.ended_by.unwrap_or_default(),
    }
}
