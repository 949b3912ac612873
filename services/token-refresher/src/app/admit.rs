//! Leave to call a provider: its limits, and the breaker of the client (refresh protocol,
//! sections 8 and 9).

use workapi_providers::Manifest;
use workapi_vault::{OAuthClient, RotationLease};

use crate::app::App;
use crate::app::rotation::while_leased;
use crate::limits::{Admission, Outcome, Permit};

impl App {
    /// Asks whether the refresh token of a lease may be sent now. `None` when not: then the
    /// credential is put off, and the lease is over.
    pub(super) async fn admit(
        &self,
        lease: &RotationLease,
        manifest: &Manifest,
        client: &OAuthClient,
    ) -> Result<Option<Permit>, workapi_vault::Error> {
        let permit = match self.limits.admit(manifest, &client.client_id).await {
            Admission::Go(permit) => permit,
            Admission::Later { after, reason } => {
                self.count_unsent(lease, reason.as_str());
                while_leased(lease, || self.vault().postpone(lease, after)).await?;
                return Ok(None);
            }
        };
        if self.breakers.is_open(lease.grant.provider_config_id)
            && !while_leased(lease, || {
                self.vault().may_call(lease, manifest.token.deadline)
            })
            .await?
        {
            self.count_unsent(lease, "breaker");
            permit.finish(Outcome::Unsent).await;
            return Ok(None);
        }
        Ok(Some(permit))
    }

    fn count_unsent(&self, lease: &RotationLease, reason: &'static str) {
        let provider = lease.grant.provider.as_str();
        self.counts.rotation(provider, "not_sent");
        self.counts.put_off(provider, reason);
    }
}
