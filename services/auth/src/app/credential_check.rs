//! How a credential stands for those who need its access token, for operators.

use std::time::Duration;

use workapi_errors::Error as Refusal;
use workapi_providers::Action;
use workapi_types::IntegrationId;
use workapi_vault::Check;

use crate::app::{App, Error};

/// How much of the caller's time is kept for the answer.
const ANSWER: Duration = Duration::from_secs(1);

impl App {
    /// Makes sure of a usable access token, as a connector does, and says how its credential
    /// stands. It is opened by nobody.
    pub(crate) async fn check_credential(
        &self,
        integration_id: &str,
        min_remaining: Duration,
        time_left: Duration,
    ) -> Result<Check, Error> {
        let integration_id: IntegrationId = integration_id.parse().map_err(|_| {
            Refusal::bad_request("an integration is named by 24 hexadecimal digits")
        })?;
        let deadline = time_left.saturating_sub(ANSWER);
        let check = self
            .on_demand
            .check(&integration_id, min_remaining, deadline);
        let mut check = check.await?;
        // An open breaker is no matter of the credential's own, and the operator's all the same.
        let status = self.vault().status(&integration_id).await?;
        if let Some(status) = status.filter(|status| status.action == Action::Operator) {
            (check.cause, check.action) = (status.cause, status.action);
        }
        Ok(check)
    }
}
