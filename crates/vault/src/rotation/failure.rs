//! Failures: why a rotation brought no tokens, and when to look again.

use std::time::Duration;

use workapi_bus::outbox;
use workapi_proto::events::v1::CredentialStateChanged;
use workapi_providers::{Action, Cause};

use super::RotationLease;
use crate::rejection::{Ruling, Verdict, judge};
use crate::store::{credential, quarantine, rotation_attempt};
use crate::{Error, State, Vault};

/// Why a rotation brought no tokens.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// The cause, from the closed list.
    pub cause: Cause,
    /// What has to happen.
    pub action: Action,
    /// How long the provider asked to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the provider is known not to have rotated.
    pub rejected: bool,
    /// Whether the provider may still act on what was sent, where a second request must not meet
    /// the first: then the lease stays until it ends by itself, and with it everybody else away.
    pub keeps_lease: bool,
}

impl Vault {
    /// Records that a rotation brought nothing, and when to look again. Without the lease it
    /// records nothing: whoever has it knows better. A grant is not called dead while an answer
    /// that lost a race is still to be tried: then the credential is due again.
    ///
    /// Returns the state that the credential has now, `None` when the lease was lost.
    ///
    /// # Errors
    /// Fails when the vault does; the lease then ends by itself.
    pub async fn record_failure(
        &self,
        lease: &RotationLease,
        failure: &Failure,
    ) -> Result<Option<State>, Error> {
        let mut transaction = self.database.begin().await?;
        let attempt_state = if failure.rejected {
            "rejected"
        } else {
            "unknown"
        };
        rotation_attempt::finish(&mut transaction, lease.attempt_id, attempt_state).await?;
        let verdict = match judge(&mut transaction, lease, failure).await? {
            Verdict::Failed(Ruling {
                end: Some(State::NeedsReconnect),
                ..
            }) if quarantine::newest(&mut transaction, lease).await?.is_some() => {
                Verdict::Postponed(Duration::ZERO)
            }
            verdict => verdict,
        };
        let state = match verdict {
            Verdict::Postponed(after) => {
                credential::postpone(&mut transaction, lease, after).await?
            }
            Verdict::Failed(ruling) => {
                let change =
                    credential::record_failure(&mut transaction, lease, failure, &ruling).await?;
                match &change {
                    Some(change) if change.is_news() => {
                        let action = ruling.end.map_or(failure.action, State::action);
                        outbox::append(&mut transaction, &change.event(lease, action)).await?;
                    }
                    Some(_) => {}
                    // If it is the deletion that came between, its revocation waits for this lease.
                    None => {
                        credential::postpone(&mut transaction, lease, Duration::ZERO).await?;
                    }
                }
                change.map(|change| change.state)
            }
        };
        transaction.commit().await?;
        state
            .map(|state| State::parse(&state).ok_or(Error::Corrupt("state")))
            .transpose()
    }
}

impl credential::StateChange {
    fn event(&self, lease: &RotationLease, action: Action) -> CredentialStateChanged {
        CredentialStateChanged {
            integration_id: lease.integration_id.to_string(),
            environment_guid: lease.grant.environment_guid.to_string(),
            provider: lease.grant.provider.to_string(),
            state: self.state.clone(),
            cause: self.cause.clone().unwrap_or_default(),
            action: action.to_string(),
        }
    }
}
