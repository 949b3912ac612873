//! Deletes environments: at once for everybody who looks, then user by user.

use std::time::Duration;

use workapi_proto::events::v1::EnvironmentDeleted;
use workapi_types::EnvironmentGuid;

use super::delete_me::remove_user;
use super::{App, Error, environment_not_found, parse_guid};
use crate::store::{environments, users};

/// How many users one transaction removes.
const BATCH: i64 = 100;
/// How often to look for deletions that a stopped replica has left, and how long to wait after a
/// failure.
const PAUSE: Duration = Duration::from_secs(10);

impl App {
    /// Makes an environment disappear. Its tokens and APTs are void from now on; its users are
    /// removed by [`App::finish_deletions`].
    pub(crate) async fn delete_environment(&self, guid: &str) -> Result<(), Error> {
        let guid = parse_guid(guid)?;

        let mut transaction = self.begin().await?;
        if !environments::mark_deleting(transaction.connection(), guid).await? {
            return Err(environment_not_found().into());
        }
        let event = EnvironmentDeleted {
            environment_guid: guid.to_string(),
        };
        transaction.append(&event).await?;
        transaction.commit().await?;

        self.environment_keys.forget(guid).await;
        self.deletion_begun.notify_one();
        tracing::info!(environment.guid = %guid, "deleted an environment");
        Ok(())
    }

    /// Removes the users of deleted environments, for ever. Any number of replicas may do so.
    pub(crate) async fn finish_deletions(&self) {
        loop {
            match self.remove_batch().await {
                Ok(true) => {}
                Ok(false) => self.deletion_begun_or_pause().await,
                Err(error) => {
                    error.log();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn deletion_begun_or_pause(&self) {
        tokio::select! {
            () = self.deletion_begun.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }

    /// Removes some users of one deleted environment, or the environment when none are left.
    /// Returns whether there may be more to do.
    async fn remove_batch(&self) -> Result<bool, Error> {
        let Some(guid) = environments::next_deleting(self.database.pool()).await? else {
            return Ok(false);
        };
        if self.remove_users(guid).await? > 0 {
            return Ok(true);
        }
        Ok(environments::delete_empty(self.database.pool(), guid).await?)
    }

    async fn remove_users(&self, guid: EnvironmentGuid) -> Result<usize, Error> {
        let mut transaction = self.begin().await?;
        let user_ids = users::lock_some(transaction.connection(), guid, BATCH).await?;
        for user_id in &user_ids {
            remove_user(&mut transaction, user_id, guid).await?;
        }
        transaction.commit().await?;
        Ok(user_ids.len())
    }
}
