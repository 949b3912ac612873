//! Working on refresh jobs (refresh protocol, section 3).

use std::sync::Arc;

use workapi_bus::{Delivery, Verdict};
use workapi_proto::jobs::v1::CredentialJob;
use workapi_providers::Manifest;
use workapi_vault::RotationStart;

use crate::app::App;
use crate::app::job::leave;
use crate::app::rotation::{KEEPING_PATIENCE, Rotation};
use crate::app::turns::Asker;

impl App {
    /// Works on one refresh job. It ends in an acknowledgement once PostgreSQL knows the outcome.
    pub(crate) async fn refresh(self: &Arc<Self>, delivery: &Delivery) -> Verdict {
        match self.read_job(delivery) {
            Some((job, manifest)) => self.refresh_claim(&job, &manifest, Asker::Schedule).await,
            None => Verdict::Done,
        }
    }

    /// Rotates what was claimed, by the scheduler or on demand, in a task that no caller can end.
    pub(super) async fn refresh_claim(
        self: &Arc<Self>,
        job: &CredentialJob,
        manifest: &Arc<Manifest>,
        asker: Asker,
    ) -> Verdict {
        let turn = self.turns.to_lease(asker).await;
        let lease = match self
            .vault()
            .start_rotation(job, manifest.token.deadline)
            .await
        {
            Ok(RotationStart::Leased(lease)) => *lease,
            Ok(RotationStart::NothingDue) => return Verdict::Done,
            Ok(RotationStart::Poisoned) => {
                tracing::error!(
                    integration.id = %job.integration_id,
                    "three refresh jobs died; the credential needs an operator"
                );
                return Verdict::Dead("refresh");
            }
            Err(error) => return leave(&error),
        };
        let deadline = manifest.token.deadline + KEEPING_PATIENCE;
        let rotation = Rotation::new(Arc::clone(self), Arc::clone(manifest), lease);
        let rotated = self
            .shutdown
            .spawn_tracked("token refresh", deadline, rotation.run(turn))
            .await;
        match rotated {
            Ok(Ok(())) => Verdict::Done,
            Ok(Err(error)) => leave(&error),
            Err(_panicked) => Verdict::Leave,
        }
    }
}
