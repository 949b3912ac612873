//! Seeing an answer into the vault.

use std::time::Duration;

use tokio::time::sleep;
use workapi_oauth::{RevokeRequest, TokenAnswer};
use workapi_providers::{Manifest, Reach};
use workapi_vault::{Error, OAuthClient, RotationLease, Seen, Settled, TokenSet, Urgency};

use super::Rotation;
use crate::app::revoke::revocable;

/// How long an answer that another sink has is offered to PostgreSQL once the program is told to
/// stop.
pub(crate) const KEEPING_PATIENCE: Duration = Duration::from_secs(30);
/// How long a shutdown waits for an answer that no sink takes. A second signal ends it.
const UNTIL_KEPT: Duration = Duration::from_hours(24);

impl Rotation {
    /// Keeps an answer in every sink that is needed: it exists nowhere else.
    pub(super) async fn keep(
        &self,
        client: &OAuthClient,
        lease: &RotationLease,
        answer: TokenAnswer,
        seen: Seen,
    ) -> Result<(), Error> {
        let _hold = self
            .app
            .shutdown
            .hold("answer that is to be kept", UNTIL_KEPT);
        let in_hand = self.app.turns.answered();
        let sinks = &self.app.sinks;
        let received_at = answer.received_at;
        let tokens = token_set(&self.manifest, answer);
        let sealed = sinks.vault().seal_answer(lease, &tokens)?;
        let sealed_after = received_at.elapsed();
        let grace = self.manifest.refresh.grace;
        let commit = || sinks.vault().commit_rotation(lease, &sealed, grace);
        let kept = sinks
            .keep(&sealed, self.urgency(seen), commit, self.told_to_stop())
            .await?;
        drop(in_hand);
        self.app.counts.answer_to_sink(
            self.manifest.name.as_str(),
            sealed_after + kept.first_sink_after,
        );
        self.app.breakers.accepted(lease).await;
        let Some(settled) = kept.stored else {
            tracing::warn!(integration.id = %lease.integration_id, "an answer is left in the journal or the spill directory, to be folded");
            self.count("left");
            return Ok(());
        };
        self.report(lease, settled);
        match settled {
            Settled::Committed => self.note(lease.generation + 1).await,
            Settled::Replaced => self.discard(client, &tokens).await,
            Settled::Deleted => self.forget(lease).await,
            _ => {}
        }
        Ok(())
    }

    /// Tells those who wait for the next generation that it is there.
    pub(super) async fn note(&self, generation: i64) {
        let (integration_id, grant_id) = (&self.lease.integration_id, self.lease.grant_id);
        self.app
            .note_refreshed(integration_id, grant_id, generation)
            .await;
    }

    /// Takes an answer for a deleted integration out of the journal, where it may have arrived
    /// after everything else was purged.
    async fn forget(&self, lease: &RotationLease) {
        if let Err(error) = self.app.sinks.purge(&lease.integration_id).await {
            tracing::warn!(integration.id = %lease.integration_id, %error, "an answer for a deleted integration stays in the journal until it is purged again");
        }
    }

    fn urgency(&self, seen: Seen) -> Urgency {
        if self.replay.is_single_use() {
            Urgency::AtOnce(seen)
        } else {
            Urgency::WhenNeeded
        }
    }

    async fn told_to_stop(&self) {
        self.app.shutdown.draining().await;
        sleep(KEEPING_PATIENCE).await;
    }

    fn report(&self, lease: &RotationLease, settled: Settled) {
        let outcome = match settled {
            Settled::Committed => "refreshed",
            Settled::Deleted => "deleted",
            Settled::Replaced => "replaced",
            Settled::Quarantined => "quarantined",
            Settled::Beyond => "beyond",
            Settled::UnknownGrant => "unknown_grant",
        };
        self.count(outcome);
        tracing::debug!(
            integration.id = %lease.integration_id,
            generation = lease.generation + 1,
            outcome,
            "a credential was rotated"
        );
    }

    /// Revokes tokens of a grant that the user has replaced meanwhile, where nothing else dies
    /// with them (section 5). Nobody has them any more, so it is tried once.
    async fn discard(&self, client: &OAuthClient, tokens: &TokenSet) {
        let manifest = &self.manifest;
        let revocation = manifest.revocation.as_ref();
        let refresh_token = tokens.refresh_token.as_ref();
        let Some(token) = revocable(manifest, refresh_token, Some(&tokens.access_token))
            .filter(|_| revocation.is_some_and(|revocation| revocation.reach == Reach::Token))
        else {
            return;
        };
        let revoked = self
            .app
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
