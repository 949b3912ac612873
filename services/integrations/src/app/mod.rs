//! The use cases, one file each.

mod authorization_context;
mod caller;
mod create_environment;
mod create_integration;
mod create_user;
mod delete_environment;
mod delete_integration;
mod delete_me;
mod environment_keys;
mod error;
mod events;
mod filter_existing_integrations;
mod get_me;
mod provisioner;
mod read_environments;
mod read_integrations;
mod reauth_user;
mod record_provider_id;
mod return_origins;
mod signing_keys;
mod update_integration;

pub(crate) use caller::Caller;
pub(crate) use environment_keys::EnvironmentKeys;
pub(crate) use error::Error;
pub(crate) use signing_keys::{SigningKeysError, signing_keys};

use tokio::sync::Notify;
use workapi_errors::Error as Refusal;
use workapi_postgres::Database;
use workapi_providers::Catalogue;
use workapi_types::{Clock, EnvironmentGuid, UserId};

use crate::model::SignedInUser;
use crate::store::Transaction;
use crate::tokens::UserTokens;

/// What the use cases work with.
pub(crate) struct App {
    pub(crate) database: Database,
    pub(crate) catalogue: Catalogue,
    pub(crate) user_tokens: UserTokens,
    pub(crate) environment_keys: EnvironmentKeys,
    pub(crate) clock: Clock,
    /// Rings when an environment is waiting for its users to be removed.
    pub(crate) deletion_begun: Notify,
}

impl App {
    async fn begin(&self) -> Result<Transaction, Error> {
        Ok(Transaction::begin(&self.database).await?)
    }

    /// Returns a user with a fresh token, which is valid from now or, if tokens have just been
    /// voided, from then: that is at most a second away.
    fn sign_in(
        &self,
        id: UserId,
        environment_guid: EnvironmentGuid,
        arbitrary_id: String,
        tokens_valid_from: i64,
    ) -> Result<SignedInUser, Error> {
        let issued_at = self.clock.unix_seconds().max(tokens_valid_from);
        let token = self.user_tokens.issue(&id, environment_guid, issued_at)?;
        Ok(SignedInUser {
            id,
            arbitrary_id,
            token,
        })
    }
}

/// Parses an environment's guid.
///
/// # Errors
/// `environment_not_found`: a guid of another shape names no environment.
fn parse_guid(text: &str) -> Result<EnvironmentGuid, Refusal> {
    text.parse().map_err(|_| environment_not_found())
}

fn environment_not_found() -> Refusal {
    Refusal::new(workapi_errors::Code::EnvironmentNotFound, "")
}

fn integration_not_found() -> Refusal {
    Refusal::not_found("")
}
