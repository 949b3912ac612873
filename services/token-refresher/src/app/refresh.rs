//! Rotating a credential (refresh protocol, section 4).

use std::sync::Arc;
use std::time::Duration;

use workapi_bus::{Delivery, Verdict};
use workapi_oauth::{RefreshRequest, RevokeRequest, TokenAnswer, TokenError, classify};
use workapi_providers::{Action, Cause, Manifest, Reach};
use workapi_vault::{
    Failure, OAuthClient, RotationLease, RotationStart, SealedAnswer, Settled, State, TokenSet,
};

use crate::app::App;
use crate::app::job::leave;
use crate::app::revoke::revocable;

/// A lease that is older than this is not acted on: something stood still, and the refresh
/// token may be somebody else's by the time it is sent.
const MAX_LEASE_AGE: Duration = Duration::from_secs(5);
/// How long an answer is offered to PostgreSQL before a drain may leave it behind.
const COMMIT_PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two tries to commit an answer.
const COMMIT_PAUSE: Duration = Duration::from_millis(200);
/// How long an answer is kept that lost a race, where the class says nothing.
const DEFAULT_GRACE: Duration = Duration::from_mins(10);

impl App {
    /// Works on one refresh job. It ends in an acknowledgement once PostgreSQL knows the outcome.
    pub(crate) async fn refresh(self: &Arc<Self>, delivery: &Delivery) -> Verdict {
        let Some((job, manifest)) = self.read_job(delivery) else {
            return Verdict::Done;
        };
        let lease = match self
            .vault
            .start_rotation(&job, manifest.token.deadline)
            .await
        {
            Ok(RotationStart::Leased(lease)) => lease,
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
        let deadline = manifest.token.deadline + COMMIT_PATIENCE;
        let app = Arc::clone(self);
        let rotation = async move { app.rotate(&lease, &manifest).await };
        let rotated = self
            .shutdown
            .spawn_tracked("token refresh", deadline, rotation)
            .await;
        match rotated {
            Ok(Ok(())) => Verdict::Done,
            Ok(Err(error)) => leave(&error),
            Err(_panicked) => Verdict::Leave,
        }
    }

    /// Sends the refresh token, and sees its answer into the vault.
    async fn rotate(
        &self,
        lease: &RotationLease,
        manifest: &Manifest,
    ) -> Result<(), workapi_vault::Error> {
        let client = match self.vault.client(lease.provider_config_id).await {
            Ok(client) => client,
            Err(error) => {
                self.record_unsent(lease, &error).await?;
                return Err(error);
            }
        };
        if lease.leased_at.elapsed() > MAX_LEASE_AGE {
            self.counts.rotation(lease.provider.as_str(), "not_sent");
            return self.vault.return_unsent(lease).await;
        }
        let answer = self
            .oauth
            .refresh(RefreshRequest {
                manifest,
                client_id: &client.client_id,
                client_secrets: &client.secrets,
                refresh_token: &lease.refresh_token,
                deadline: manifest.token.deadline,
            })
            .await;
        match answer {
            Ok(answer) => self.keep(lease, manifest, &client, answer).await,
            Err(error) => self.record(lease, manifest, &error).await,
        }
    }

    /// Ends a lease for want of the client. A database that is away is asked again at once; a client
    /// that can't be opened is a fault of ours, which the next try would meet again.
    async fn record_unsent(
        &self,
        lease: &RotationLease,
        error: &workapi_vault::Error,
    ) -> Result<(), workapi_vault::Error> {
        self.counts.rotation(lease.provider.as_str(), "not_sent");
        if error.is_unavailable() {
            return self.vault.return_unsent(lease).await;
        }
        let failure = Failure {
            cause: Cause::Internal,
            action: Action::Wait,
            retry_after: None,
            rejected: true,
        };
        self.vault.record_failure(lease, &failure).await.map(drop)
    }

    /// Offers an answer to PostgreSQL until it is taken: it exists nowhere else.
    async fn keep(
        &self,
        lease: &RotationLease,
        manifest: &Manifest,
        client: &OAuthClient,
        answer: TokenAnswer,
    ) -> Result<(), workapi_vault::Error> {
        let tokens = token_set(manifest, answer);
        let sealed = self.vault.seal_answer(lease, &tokens)?;
        let grace = manifest.refresh.grace.unwrap_or(DEFAULT_GRACE);
        let settled = self.commit(lease, &sealed, grace).await?;
        let outcome = match settled {
            Settled::Committed => "refreshed",
            Settled::Deleted => "deleted",
            Settled::Replaced => "replaced",
            Settled::Quarantined => "quarantined",
        };
        self.counts.rotation(lease.provider.as_str(), outcome);
        tracing::debug!(
            integration.id = %lease.integration_id,
            generation = lease.generation + 1,
            outcome,
            "a credential was rotated"
        );
        if settled == Settled::Replaced {
            self.discard(manifest, client, &tokens).await;
        }
        Ok(())
    }

    /// Revokes tokens of a grant that the user has replaced meanwhile, where nothing else dies
    /// with them (section 5). Nobody has them any more, so it is tried once.
    async fn discard(&self, manifest: &Manifest, client: &OAuthClient, tokens: &TokenSet) {
        let revocation = manifest.revocation.as_ref();
        let refresh_token = tokens.refresh_token.as_ref();
        let Some(token) = revocable(manifest, refresh_token, Some(&tokens.access_token))
            .filter(|_| revocation.is_some_and(|revocation| revocation.reach == Reach::Token))
        else {
            return;
        };
        let revoked = self
            .oauth
            .revoke(RevokeRequest {
                manifest,
                client_id: &client.client_id,
                client_secrets: &client.secrets,
                token,
                deadline: manifest.token.deadline,
            })
            .await;
        if let Err(error) = revoked {
            tracing::warn!(provider = %manifest.name, %error, "a replaced token was not revoked");
        }
    }

    async fn commit(
        &self,
        lease: &RotationLease,
        sealed: &SealedAnswer,
        grace: Duration,
    ) -> Result<Settled, workapi_vault::Error> {
        let mut failed_before = false;
        loop {
            match self.vault.commit_rotation(lease, sealed, grace).await {
                Err(workapi_vault::Error::Database(error)) => {
                    if !failed_before {
                        tracing::error!(
                            integration.id = %lease.integration_id,
                            %error,
                            "a provider's answer waits in memory for the database"
                        );
                        failed_before = true;
                    }
                    tokio::time::sleep(COMMIT_PAUSE).await;
                }
                settled => return settled,
            }
        }
    }

    /// Records why there is no answer.
    async fn record(
        &self,
        lease: &RotationLease,
        manifest: &Manifest,
        error: &TokenError,
    ) -> Result<(), workapi_vault::Error> {
        let classification = classify(manifest, error);
        let failure = Failure {
            cause: classification.cause,
            action: classification.action,
            retry_after: error.retry_after(),
            rejected: !error.may_have_taken_effect(),
        };
        let state = self.vault.record_failure(lease, &failure).await?;
        self.counts
            .rotation(lease.provider.as_str(), failure.cause.as_str());
        tracing::warn!(
            integration.id = %lease.integration_id,
            provider = %lease.provider,
            cause = %failure.cause,
            state = state.map(State::as_str),
            %error,
            "a credential was not rotated"
        );
        Ok(())
    }
}

fn token_set(manifest: &Manifest, answer: TokenAnswer) -> TokenSet {
    TokenSet {
        expires_in: answer.access_life(manifest),
        access_token: answer.access_token,
        refresh_token: answer.refresh_token,
        refresh_expires_in: answer.refresh_token_expires_in,
        scopes: answer.scope,
        received_at: answer.received_at,
    }
}
