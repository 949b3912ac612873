//! The keys of environments at hand, so that an APT costs no query.

use std::time::Duration;

use moka::future::Cache;
use workapi_postgres::Database;
use workapi_types::EnvironmentGuid;

use crate::store::{self, environments};
use crate::tokens::EnvironmentKey;

/// Also bounds the memory that made-up guids can take: a megabyte or two.
const CAPACITY: u64 = 10_000;
/// How long another replica's change may go unseen.
const TIME_TO_LIVE: Duration = Duration::from_secs(5);

/// A cache of the environments' keys that also remembers which guids are nobody's.
pub(crate) struct EnvironmentKeys(Cache<EnvironmentGuid, Option<EnvironmentKey>>);

impl EnvironmentKeys {
    pub(crate) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(TIME_TO_LIVE)
                .build(),
        )
    }

    /// Returns an environment's key; `None` when there is no such environment. Simultaneous
    /// callers share one query.
    pub(crate) async fn get(
        &self,
        database: &Database,
        guid: EnvironmentGuid,
    ) -> Result<Option<EnvironmentKey>, store::Error> {
        self.0
            .try_get_with(guid, environments::find_key(database.pool(), guid))
            .await
            .map_err(|shared| store::Error::clone(&shared))
    }

    /// Forgets what is known of a guid, after a change.
    pub(crate) async fn forget(&self, guid: EnvironmentGuid) {
        self.0.invalidate(&guid).await;
    }
}
