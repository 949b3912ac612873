//! What becomes of a credential whose refresh token brought no tokens.

use tokio::join;
use workapi_oauth::{TokenError, classify};
use workapi_providers::Action;
use workapi_vault::protocol::cause_of_rejection;
use workapi_vault::{Error, Failure, OAuthClient, RotationLease, State};

use super::{Rotation, while_leased};
use crate::limits::Outcome;

impl Rotation {
    /// Records why there is no answer. Before a grant is called dead, everything is tried that
    /// might still live: an answer in the journal, and those that lost a race.
    pub(super) async fn fail(&self, client: &OAuthClient, error: TokenError) -> Result<(), Error> {
        let failure = self.classify(&error);
        if failure.action != Action::Reconnect {
            return self.record(&self.lease, &failure, &error).await;
        }
        let recover = || self.app.sinks.recover(&self.lease);
        if self.replay.is_single_use() && while_leased(&self.lease, recover).await? {
            self.count("recovered");
            return Ok(());
        }
        self.try_second_chances(client, failure, error).await
    }

    async fn try_second_chances(
        &self,
        client: &OAuthClient,
        mut failure: Failure,
        mut error: TokenError,
    ) -> Result<(), Error> {
        let vault = self.app.vault();
        let mut lease = self.lease.clone();
        let mut refused = None;
        while failure.action == Action::Reconnect {
            let find = || vault.second_chance(&lease, refused);
            let Some(chance) = while_leased(&lease, find).await? else {
                break;
            };
            lease = chance.lease;
            let Some((permit, seen)) = self.leave_to_send(&lease, client).await? else {
                return Ok(());
            };
            refused = Some(chance.quarantined);
            let answer = self.send(client, &lease).await;
            let finished = permit.finish(Outcome::of(&self.manifest, &answer));
            match answer {
                Ok(answer) => return join!(finished, self.keep(client, &lease, answer, seen)).1,
                Err(another) => {
                    finished.await;
                    failure = self.classify(&another);
                    error = another;
                }
            }
        }
        self.record(&lease, &failure, &error).await
    }

    fn classify(&self, error: &TokenError) -> Failure {
        let meaning = classify(&self.manifest, error);
        let cause = self
            .lease
            .explain(meaning.cause, self.manifest.refresh.idle);
        let unresolved = self.lease.unresolved;
        let rejected = !error.may_have_taken_effect();
        Failure {
            cause: cause_of_rejection(self.replay, unresolved, meaning.action, cause),
            action: meaning.action,
            retry_after: error.retry_after(),
            rejected,
            keeps_lease: !rejected && !self.replay.may_repeat(),
        }
    }

    async fn record(
        &self,
        lease: &RotationLease,
        failure: &Failure,
        error: &TokenError,
    ) -> Result<(), Error> {
        let tell = || self.app.vault().record_failure(lease, failure);
        let state = while_leased(lease, tell).await?;
        if failure.action == Action::Operator {
            self.app.breakers.look().await;
        }
        self.count(failure.cause.as_str());
        tracing::warn!(
            integration.id = %lease.integration_id,
            provider = %self.manifest.name,
            cause = %failure.cause,
            state = state.map(State::as_str),
            %error,
            "a credential was not rotated"
        );
        Ok(())
    }
}
