//! How a credential stands, for who may not see its tokens.

use std::time::Duration;

use workapi_providers::{Action, Cause};
use workapi_types::IntegrationId;

use super::standing::Standing;
use super::{OnDemand, OnDemandError, Refreshment};
use crate::{Error, State};

/// How a credential stands after everything was done to make its access token fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Whether the access token can be used now.
    pub is_usable: bool,
    /// The state; `None` while nothing is connected (`pending`).
    pub state: Option<State>,
    /// Why it is not well.
    pub cause: Option<Cause>,
    /// What has to happen.
    pub action: Action,
    /// The generation; 0 where there is none.
    pub generation: i64,
    /// How long the access token can still be used.
    pub expires_in: Option<Duration>,
    /// What was done to have a fresh access token.
    pub refreshment: Refreshment,
    /// When it is worth asking again; `None` when time alone changes nothing.
    pub retry_after: Option<Duration>,
}

impl OnDemand {
    /// Has the access token of an integration made fresh, as
    /// [`AccessVault::access_token`](crate::AccessVault::access_token) does, and says how it
    /// stands. It is opened by nobody, and does not count as used.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn check(
        &self,
        integration_id: &IntegrationId,
        min_remaining: Duration,
        deadline: Duration,
    ) -> Result<Check, Error> {
        let waited = self.fresh(integration_id, min_remaining, deadline).await?;
        let standing = waited.standing.as_ref();
        let refusal = waited.usable().err();
        let own_action = standing.map_or(Action::None, |standing| standing.state.action());
        Ok(Check {
            is_usable: refusal.is_none(),
            state: standing.map(|standing| standing.state),
            cause: standing.and_then(|standing| standing.cause),
            action: refusal.as_ref().map_or(own_action, OnDemandError::action),
            generation: standing.map_or(0, |standing| standing.generation),
            expires_in: standing
                .filter(|standing| standing.is_usable())
                .map(Standing::remaining),
            refreshment: waited.refreshment,
            retry_after: refusal.and_then(|refusal| refusal.retry_after()),
        })
    }
}
