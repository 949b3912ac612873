//! What has to be so before a refresh token is sent.

use std::time::Duration;

use workapi_providers::{Action, Cause};
use workapi_vault::protocol::{Step, next_step};
use workapi_vault::{Error, Failure, OAuthClient, RotationLease, Seen, Standing};

use super::{Rotation, while_leased};
use crate::limits::{Outcome, Permit};

/// A lease that is older than this is not acted on: something stood still, and the refresh
/// token may be somebody else's by the time it is sent.
const MAX_LEASE_AGE: Duration = Duration::from_secs(5);
/// How long a token rests whose answer could not be kept now, or whose journal can't be read.
const SINK_PAUSE: Duration = Duration::from_secs(1);

/// How long a token rests whose vault was restored, or of which that is not known.
const QUARANTINE_PAUSE: Duration = Duration::from_secs(30);
const UNKNOWN_PAUSE: Duration = Duration::from_secs(1);

impl Rotation {
    /// Returns the client with which to send the token, and leave to do so; `None` when nothing is to be sent now,
    /// which is recorded.
    pub(super) async fn begin(&self) -> Result<Option<(OAuthClient, Permit, Seen)>, Error> {
        if let Some(pause) = self.obstacle().await? {
            self.put_off(&self.lease, pause).await?;
            return Ok(None);
        }
        let client = match self
            .app
            .vault()
            .client(self.lease.grant.provider_config_id)
            .await
        {
            Ok(client) => client,
            Err(error) => {
                self.fail_for_want_of_client(&error).await?;
                return Err(error);
            }
        };
        let leave = self.leave_to_send(&self.lease, &client).await?;
        Ok(leave.map(|(permit, seen)| (client, permit, seen)))
    }

    /// Asks for leave to send the token of a lease now. `None` when not: then it is put off.
    pub(super) async fn leave_to_send(
        &self,
        lease: &RotationLease,
        client: &OAuthClient,
    ) -> Result<Option<(Permit, Seen)>, Error> {
        let Some(permit) = self.app.admit(lease, &self.manifest, client).await? else {
            return Ok(None);
        };
        // Last, because whatever comes before it may take its time.
        match self.safely(lease).await {
            Ok(seen) => Ok(Some((permit, seen))),
            Err(pause) => {
                permit.finish(Outcome::Unsent).await;
                self.put_off(lease, pause).await?;
                Ok(None)
            }
        }
    }

    /// Makes sure that an answer will neither get lost nor meet that of somebody else, or says how
    /// long to wait.
    async fn safely(&self, lease: &RotationLease) -> Result<Seen, Duration> {
        let seen = if self.replay.is_single_use() {
            let ready = self
                .app
                .sinks
                .ready_for(&lease.integration_id, lease.leased_at)
                .await;
            ready.ok_or_else(|| {
                tracing::warn!(integration.id = %lease.integration_id, "no two sinks would take an answer now: nothing is sent");
                SINK_PAUSE
            })?
        } else {
            Seen::default()
        };
        if lease.leased_at.elapsed() > MAX_LEASE_AGE {
            return Err(Duration::ZERO);
        }
        Ok(seen)
    }

    /// Says how long nothing may be sent, if so.
    async fn obstacle(&self) -> Result<Option<Duration>, Error> {
        if let Some(pause) = self.quarantine() {
            return Ok(Some(pause));
        }
        let lease = &self.lease;
        if lease.unresolved.is_some() {
            match self.app.sinks.recover(lease).await {
                Ok(true) => {
                    self.note(lease.generation + 1).await;
                    self.count("recovered");
                    return Ok(Some(Duration::ZERO));
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(integration.id = %lease.integration_id, %error, "the journal can't be read: an attempt stays unresolved");
                    return Ok(Some(SINK_PAUSE));
                }
            }
        }
        match next_step(self.replay, lease.unresolved, lease.access_left) {
            Step::Wait(pause) => Ok(Some(pause)),
            Step::Send => Ok(None),
        }
    }

    /// Says how long a token rests that a restored vault may hold although it is spent.
    fn quarantine(&self) -> Option<Duration> {
        if !self.replay.is_single_use() {
            return None;
        }
        match self.app.restore.standing() {
            Standing::Sound => None,
            Standing::Quarantined => Some(QUARANTINE_PAUSE),
            Standing::Unknown => Some(UNKNOWN_PAUSE),
        }
    }

    async fn put_off(&self, lease: &RotationLease, pause: Duration) -> Result<(), Error> {
        self.count("not_sent");
        let postpone = || self.app.vault().postpone(lease, pause);
        while_leased(lease, postpone).await
    }

    /// Ends a lease for want of the client. A database that is away is asked again at once; a
    /// client that can't be opened is a fault of ours, which the next try would meet again.
    async fn fail_for_want_of_client(&self, error: &Error) -> Result<(), Error> {
        if error.is_unavailable() {
            return self.put_off(&self.lease, Duration::ZERO).await;
        }
        self.count("not_sent");
        let failure = Failure {
            cause: Cause::Internal,
            action: Action::Wait,
            retry_after: None,
            rejected: true,
            keeps_lease: false,
        };
        let record = || self.app.vault().record_failure(&self.lease, &failure);
        while_leased(&self.lease, record).await.map(drop)
    }
}
