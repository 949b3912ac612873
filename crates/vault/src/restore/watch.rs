//! Watching whether PostgreSQL is as new as it was.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::store::restore as store;
use crate::{Error, Sinks};

/// How long a look counts. A database that is replaced is away for longer.
const FRESH: Duration = Duration::from_secs(1);
/// How long the journal may take: who looks must not be held up by it.
const PATIENCE: Duration = Duration::from_millis(300);

/// Whether refresh tokens that may be spent only once can be trusted to be unspent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The vault is as new as it was.
    Sound,
    /// It was restored, and its repair is not done.
    Quarantined,
    /// Nobody has looked within the last second.
    Unknown,
}

/// Compares the vault with what is known of it elsewhere. Clones share what they saw.
#[derive(Clone, Debug)]
pub struct RestoreWatch {
    sinks: Sinks,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    watermark: Option<i64>,
    last: Option<(Instant, Standing)>,
}

impl RestoreWatch {
    /// Makes a watch that has not looked yet.
    pub fn new(sinks: Sinks) -> Self {
        Self {
            sinks,
            seen: Arc::default(),
        }
    }

    /// Returns what the last look showed, if that was within the last second.
    pub fn standing(&self) -> Standing {
        match self.lock().last {
            Some((at, standing)) if at.elapsed() <= FRESH => standing,
            _ => Standing::Unknown,
        }
    }

    /// Looks whether PostgreSQL is as new as it was, begins a quarantine if it is not, and keeps
    /// its count of commits in the journal if it is.
    ///
    /// # Errors
    /// Fails when PostgreSQL does, or when the journal does and nothing is known of it yet.
    pub async fn look(&self) -> Result<Standing, Error> {
        // The watermark first: what it counts was committed before it was written.
        let read = self.watermark().await;
        let watermark = match &read {
            Ok(watermark) => *watermark,
            // While the journal is away, what this process saw last counts.
            Err(_) => self.lock().watermark,
        };
        if let (Err(error), None) = (read, watermark) {
            return Err(error);
        }
        let at = Instant::now();
        let vault = self.sinks.vault();
        let count = store::count(vault.database().pool()).await?;
        let is_behind = watermark.is_some_and(|watermark| count.commits < watermark);
        let standing = if count.is_quarantined {
            Standing::Quarantined
        } else if is_behind || !count.is_same_server {
            vault.begin_quarantine(count.commits, watermark).await?;
            Standing::Quarantined
        } else {
            Standing::Sound
        };
        self.lock().last = Some((at, standing));
        if standing == Standing::Sound && watermark.is_none_or(|known| known < count.commits) {
            self.raise_watermark(count.commits).await?;
        }
        Ok(standing)
    }

    async fn watermark(&self) -> Result<Option<i64>, Error> {
        let read = timeout(PATIENCE, self.sinks.journal().watermark()).await;
        let watermark = read.map_err(|_| Error::SlowJournal)??;
        self.lock().watermark = watermark;
        Ok(watermark)
    }

    async fn raise_watermark(&self, commits: i64) -> Result<(), Error> {
        let put = timeout(PATIENCE, self.sinks.journal().put_watermark(commits)).await;
        put.map_err(|_| Error::SlowJournal)??;
        self.lock().watermark = Some(commits);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
