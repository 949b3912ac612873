//! What both kinds of job have in common.

use std::sync::Arc;

use workapi_bus::{Delivery, Verdict};
use workapi_proto::jobs::v1::CredentialJob;
use workapi_providers::Manifest;

use crate::app::App;

impl App {
    /// Reads a job and the manifest of the provider in its subject, `job.<kind>.<provider>`.
    ///
    /// A provider that is not in the catalogue (any more) is nobody's fault here: the credential
    /// is due again in 30 seconds, on every replica.
    pub(super) fn read_job(&self, delivery: &Delivery) -> Option<(CredentialJob, Arc<Manifest>)> {
        let job = delivery.decode::<CredentialJob>().ok();
        let provider = delivery
            .subject
            .rsplit('.')
            .next()
            .and_then(|name| name.parse().ok());
        let manifest = provider.and_then(|name| self.catalogue.get(&name).cloned());
        if job.is_none() || manifest.is_none() {
            tracing::error!(
                subject = %delivery.subject,
                "a job is malformed, or its provider is not in the catalogue; it is passed over"
            );
        }
        job.zip(manifest)
    }
}

/// Leaves a job whose outcome could not be recorded.
pub(super) fn leave(error: &workapi_vault::Error) -> Verdict {
    if error.is_unavailable() {
        tracing::warn!(%error, "a job is left for later");
    } else {
        tracing::error!(%error, cause = std::error::Error::source(error), "a job failed");
    }
    Verdict::Leave
}
