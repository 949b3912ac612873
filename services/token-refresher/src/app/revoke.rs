//! Ending a credential at its provider, where that is safe (refresh protocol, section 5).

use std::sync::Arc;
use std::time::Duration;

use workapi_bus::{Delivery, Verdict};
use workapi_oauth::{RevocableToken, RevokeRequest};
use workapi_providers::{Manifest, Reach, Revocation, RevocationToken};
use workapi_types::{AccessToken, RefreshToken};
use workapi_vault::{Clearance, ProviderRevocation, RevocationLease, RevocationStart};

use crate::app::App;
use crate::app::job::leave;

/// How long the vault may take to record what the provider said.
const RECORD_PATIENCE: Duration = Duration::from_secs(15);

/// What the provider did about a revocation.
enum Answer {
    /// The token is dead.
    Confirmed,
    /// It will not do it, now or later.
    Refused,
    /// It may do it later.
    Later { retry_after: Option<Duration> },
}

impl App {
    /// Works on one revocation job.
    pub(crate) async fn revoke(self: &Arc<Self>, delivery: &Delivery) -> Verdict {
        let Some((job, manifest)) = self.read_job(delivery) else {
            return Verdict::Done;
        };
        let lease = match self
            .vault()
            .start_revocation(&job, manifest.token.deadline)
            .await
        {
            Ok(RevocationStart::Leased(lease)) => lease,
            Ok(RevocationStart::NothingDue) => return Verdict::Done,
            Ok(RevocationStart::Poisoned) => {
                tracing::error!(
                    integration.id = %job.integration_id,
                    "three revocation jobs died; the credential is shredded after 24 hours, \
                     or an operator has it tried again"
                );
                return Verdict::Dead("revoke");
            }
            Err(error) => return leave(&error),
        };
        let deadline = manifest.token.deadline + RECORD_PATIENCE;
        let app = Arc::clone(self);
        let revocation = async move { app.end(&lease, &manifest).await };
        match self
            .shutdown
            .spawn_tracked("revocation", deadline, revocation)
            .await
        {
            Ok(Ok(())) => Verdict::Done,
            Ok(Err(error)) => leave(&error),
            Err(_panicked) => Verdict::Leave,
        }
    }

    async fn end(
        &self,
        lease: &RevocationLease,
        manifest: &Manifest,
    ) -> Result<(), workapi_vault::Error> {
        let revocable = manifest.revocation.as_ref().zip(revocable(
            manifest,
            lease.refresh_token.as_ref(),
            lease.access_token.as_ref(),
        ));
        let Some((revocation, token)) = revocable else {
            return self.finish(lease, ProviderRevocation::Unsupported).await;
        };
        if lease.out_of_time {
            return self.finish(lease, ProviderRevocation::Failed).await;
        }
        if revocation.reach == Reach::None {
            return self.finish(lease, ProviderRevocation::Unsupported).await;
        }
        let client = self.vault().client(lease.provider_config_id).await?;
        let request = RevokeRequest {
            manifest,
            client_id: &client.client_id,
            client_secrets: &client.secrets,
            token,
            deadline: manifest.token.deadline,
        };
        if revocation.reach == Reach::Token {
            self.end_alone(lease, request).await
        } else {
            self.end_account(lease, request).await
        }
    }

    /// Revokes a token with which nothing else dies.
    async fn end_alone(
        &self,
        lease: &RevocationLease,
        request: RevokeRequest<'_>,
    ) -> Result<(), workapi_vault::Error> {
        match self.call(lease, request).await {
            Answer::Confirmed => self.finish(lease, ProviderRevocation::Done).await,
            Answer::Refused => self.finish(lease, ProviderRevocation::Failed).await,
            Answer::Later { retry_after } => {
                self.vault().retry_revocation(lease, retry_after).await
            }
        }
    }

    /// Revokes a token with which the account's other tokens die, unless one of them is in use.
    async fn end_account(
        &self,
        lease: &RevocationLease,
        request: RevokeRequest<'_>,
    ) -> Result<(), workapi_vault::Error> {
        let guard = match self.vault().clear_revocation(lease).await? {
            Clearance::Clear(guard) => guard,
            Clearance::Siblings => {
                return self
                    .finish(lease, ProviderRevocation::SkippedSiblings)
                    .await;
            }
            Clearance::Waiting | Clearance::AlreadyDone => return Ok(()),
        };
        match self.call(lease, request).await {
            Answer::Confirmed => {
                self.count(lease, ProviderRevocation::Done);
                self.vault().finish_account(lease, guard).await
            }
            Answer::Refused => self.finish(lease, ProviderRevocation::Failed).await,
            Answer::Later { retry_after } => {
                self.vault().retry_revocation(lease, retry_after).await
            }
        }
    }

    async fn call(&self, lease: &RevocationLease, request: RevokeRequest<'_>) -> Answer {
        let Err(error) = self.oauth.revoke(request).await else {
            return Answer::Confirmed;
        };
        tracing::warn!(
            integration.id = %lease.integration_id,
            provider = %lease.provider,
            %error,
            "a revocation was not confirmed"
        );
        if error.is_retryable() {
            Answer::Later {
                retry_after: error.retry_after(),
            }
        } else {
            Answer::Refused
        }
    }

    async fn finish(
        &self,
        lease: &RevocationLease,
        result: ProviderRevocation,
    ) -> Result<(), workapi_vault::Error> {
        self.vault().finish_revocation(lease, result).await?;
        self.count(lease, result);
        Ok(())
    }

    fn count(&self, lease: &RevocationLease, result: ProviderRevocation) {
        let outcome = match result {
            ProviderRevocation::Unspecified => "unspecified",
            ProviderRevocation::Done => "done",
            ProviderRevocation::Unsupported => "unsupported",
            ProviderRevocation::SkippedSiblings => "skipped_siblings",
            ProviderRevocation::Failed => "failed",
        };
        self.counts.revocation(lease.provider.as_str(), outcome);
        tracing::info!(
            integration.id = %lease.integration_id,
            provider = %lease.provider,
            outcome,
            "a credential was shredded"
        );
    }
}

/// Returns the token that the manifest wants, or the other one where there is only that.
pub(super) fn revocable<'a>(
    manifest: &Manifest,
    refresh_token: Option<&'a RefreshToken>,
    access_token: Option<&'a AccessToken>,
) -> Option<RevocableToken<'a>> {
    let refresh = refresh_token.map(RevocableToken::Refresh);
    let access = access_token.map(RevocableToken::Access);
    match manifest.revocation {
        Some(Revocation {
            token: RevocationToken::Access,
            ..
        }) => access.or(refresh),
        _ => refresh.or(access),
    }
}
