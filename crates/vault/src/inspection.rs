//! One credential with the machinery around it, for whoever has to find out why it stands still.

use sqlx::types::time::OffsetDateTime;
use workapi_providers::Cause;
use workapi_types::{AttemptId, EnvironmentGuid, GrantId, IntegrationId, ProviderName};

use crate::state::stored_cause;
use crate::store::credential as store;
use crate::store::rotation_attempt;
use crate::{Error, State, Vault};

/// How many attempts an inspection shows.
const ATTEMPTS: i64 = 10;

/// Everything about a credential but its secrets and its account.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The integration.
    pub integration_id: IntegrationId,
    /// Its environment.
    pub environment_guid: EnvironmentGuid,
    /// The provider.
    pub provider: ProviderName,
    /// The grant.
    pub grant_id: GrantId,
    /// The generation of its token pair.
    pub generation: i64,
    /// Its state.
    pub state: State,
    /// Why it is not well, `None` when it is.
    pub cause: Option<Cause>,
    /// Since when it is in this state.
    pub since: OffsetDateTime,
    /// When the provider last gave a token.
    pub last_success_at: OffsetDateTime,
    /// When the stored access token ends.
    pub access_expires_at: OffsetDateTime,
    /// When somebody looks at it next; `None`: nobody does.
    pub due_at: Option<OffsetDateTime>,
    /// Until when a process may be at work on it; `None`: none is.
    pub lease_until: Option<OffsetDateTime>,
    /// How many of its jobs began and never ended.
    pub unfinished_jobs: i32,
    /// How often in a row it failed.
    pub failures: i32,
    /// Until when its revocation is tried.
    pub revoke_until: Option<OffsetDateTime>,
    /// Whether it has a refresh token.
    pub has_refresh_token: bool,
    /// Whether the breaker of its provider config is open.
    pub breaker_open: bool,
    /// How many answers that lost a race are kept aside.
    pub quarantined: i64,
    /// The newest attempts to rotate it, the newest first.
    pub attempts: Vec<RotationAttempt>,
}

/// An attempt to rotate a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationAttempt {
    /// Its id.
    pub attempt_id: AttemptId,
    /// The generation whose refresh token it was about.
    pub generation: i64,
    /// `sent`, `not_sent`, `committed`, `rejected`, `unknown` or `superseded`.
    pub state: String,
    /// When it was recorded, which is before anything is sent.
    pub sent_at: OffsetDateTime,
    /// When its end was recorded.
    pub finished_at: Option<OffsetDateTime>,
}

/// What became of the credential of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState {
    /// The integration.
    pub integration_id: IntegrationId,
    /// The grant that it has now.
    pub grant_id: GrantId,
    /// Its state.
    pub state: State,
    /// How many of its jobs began and never ended.
    pub unfinished_jobs: i32,
}

impl Vault {
    /// Returns everything about a credential but its secrets, `None` when there is none.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn inspect(
        &self,
        integration_id: &IntegrationId,
    ) -> Result<Option<Inspection>, Error> {
        let pool = self.database.pool();
        let Some(row) = store::inspect(pool, integration_id).await? else {
            return Ok(None);
        };
        let attempts = rotation_attempt::newest(pool, integration_id, ATTEMPTS).await?;
        Ok(Some(Inspection {
            integration_id: integration_id.clone(),
            environment_guid: EnvironmentGuid::from_uuid(row.environment_guid),
            provider: row
                .provider
                .try_into()
                .map_err(|_| Error::Corrupt("provider name"))?,
            grant_id: GrantId::from_uuid(row.grant_id),
            generation: row.generation,
            state: State::stored(&row.state)?,
            cause: stored_cause(row.cause.as_deref())?,
            since: row.state_since,
            last_success_at: row.last_success_at,
            access_expires_at: row.access_expires_at,
            due_at: row.due_at,
            lease_until: row.lease_until,
            unfinished_jobs: row.unfinished_jobs,
            failures: row.failures,
            revoke_until: row.revoke_until,
            has_refresh_token: row.has_refresh_token,
            breaker_open: row.breaker_open,
            quarantined: row.quarantined,
            attempts: attempts.into_iter().map(Into::into).collect(),
        }))
    }

    /// Returns what became of the credentials of `integrations`; those that have none are left out.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn job_states(&self, integrations: &[IntegrationId]) -> Result<Vec<JobState>, Error> {
        let rows = store::job_states(self.database.pool(), integrations).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl From<rotation_attempt::RecordedAttempt> for RotationAttempt {
    fn from(row: rotation_attempt::RecordedAttempt) -> Self {
        Self {
            attempt_id: AttemptId::from_uuid(row.attempt_id),
            generation: row.generation,
            state: row.state,
            sent_at: row.sent_at,
            finished_at: row.finished_at,
        }
    }
}

impl TryFrom<store::JobStateRow> for JobState {
    type Error = Error;

    fn try_from(row: store::JobStateRow) -> Result<Self, Error> {
        Ok(Self {
            integration_id: row
                .integration_id
                .try_into()
                .map_err(|_| Error::Corrupt("integration id"))?,
            grant_id: GrantId::from_uuid(row.grant_id),
            state: State::stored(&row.state)?,
            unfinished_jobs: row.unfinished_jobs,
        })
    }
}
