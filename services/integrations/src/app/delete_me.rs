//! Deletes a user with all integrations (contract section 2.1, refresh protocol section 5).

use workapi_errors::Error as Refusal;
use workapi_types::{EnvironmentGuid, UserId};

use super::{App, Error, events};
use crate::store::{self, Transaction, integrations, users};
use crate::tokens::{Apt, invalid_token};

impl App {
    /// Deletes the user that the bearer stands for: a user token, or an APT with a user's name.
    pub(crate) async fn delete_me(&self, bearer: &str) -> Result<(), Error> {
        let (user_id, gone) = match Apt::parse(bearer) {
            Ok(apt) => (self.named_user(apt).await?, Refusal::not_found("")),
            Err(_) => (self.caller(bearer).await?.user_id, invalid_token()),
        };

        let mut transaction = self.begin().await?;
        let environment_guid = users::lock(transaction.connection(), &user_id)
            .await?
            .ok_or(gone)?;
        remove_user(&mut transaction, &user_id, environment_guid).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Returns the user that an APT names; a deactivated one may be deleted too.
    async fn named_user(&self, apt: Apt<'_>) -> Result<UserId, Error> {
        let (guid, arbitrary_id) = self.provisioner_without_body(apt).await?;
        let user = users::find_by_arbitrary_id(self.database.pool(), guid, &arbitrary_id)
            .await?
            .ok_or_else(|| Refusal::not_found(""))?;
        if user.environment_is_active {
            Ok(user.id)
        } else {
            Err(invalid_token().into())
        }
    }
}

/// Removes a user that the transaction has locked, and says so of it and of each integration.
pub(super) async fn remove_user(
    transaction: &mut Transaction,
    user_id: &UserId,
    environment_guid: EnvironmentGuid,
) -> Result<(), store::Error> {
    transaction
        .append(&events::user_deleted(user_id, environment_guid))
        .await?;
    for integration_id in integrations::delete_all(transaction.connection(), user_id).await? {
        let event = events::integration_deleted(integration_id, user_id, environment_guid);
        transaction.append(&event).await?;
    }
    users::delete(transaction.connection(), user_id).await
}
