//! Answers the vault's hourly question which integrations still exist (refresh protocol section 5).

use workapi_errors::Error as Refusal;
use workapi_types::IntegrationId;

use super::{App, Error};
use crate::store::integrations;

/// How many ids may be asked for at once.
const MAX_IDS: usize = 1000;

impl App {
    /// Returns those of the ids that are integrations'; what is no id is nobody's.
    pub(crate) async fn filter_existing_integrations(
        &self,
        ids: &[String],
    ) -> Result<Vec<String>, Error> {
        if ids.len() > MAX_IDS {
            let specifics = format!("at most {MAX_IDS} integration ids can be asked for at once");
            return Err(Refusal::bad_request(specifics).into());
        }
        let ids: Vec<String> = ids
            .iter()
            .filter(|id| id.parse::<IntegrationId>().is_ok())
            .cloned()
            .collect();
        Ok(integrations::filter_existing(self.database.pool(), &ids).await?)
    }
}
