//! The quarantine: what has to be done before refresh tokens of a restored vault are sent.

use sqlx::types::time::OffsetDateTime;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;
use workapi_bus::outbox;
use workapi_proto::events::v1::{VaultQuarantineEnded, VaultQuarantineStarted};

use super::{Folding, Part};
use crate::store::lock;
use crate::store::restore::{self as store, QuarantineRow};
use crate::{Error, Vault};

/// A time in which refresh tokens that may be spent are held back, and what was done in it.
#[derive(Clone, Debug)]
pub struct Quarantine {
    /// Its id.
    pub id: Uuid,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// How many commits the database had then.
    pub commits: i64,
    /// How many it is known to have had; `None` when nothing was known.
    pub watermark: Option<i64>,
    /// When every known deletion was applied again.
    pub deletions_replayed_at: Option<OffsetDateTime>,
    /// When the grants were stored that only the journal had.
    pub grants_folded_at: Option<OffsetDateTime>,
    /// How many those were.
    pub grants_folded: i64,
    /// When the rotations were stored that only the journal had.
    pub rotations_folded_at: Option<OffsetDateTime>,
    /// How many those were.
    pub rotations_folded: i64,
    /// How many entries of the journal could not be stored.
    pub entries_failed: i64,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
    /// Who ended it: `folding` or `operator`.
    pub ended_by: Option<String>,
}

/// Keeps other replicas from repairing the same, so that what is brought back is counted once.
#[derive(Debug)]
pub struct Repair {
    /// What is to be repaired.
    pub quarantine: Quarantine,
    _lock: Transaction<'static, Postgres>,
}

/// What came of an operator's wish to end a quarantine.
#[derive(Clone, Debug)]
pub enum Release {
    /// It has ended.
    Released(Quarantine),
    /// There is none.
    NotQuarantined,
    /// Deletions are not replayed, or the journal is not folded.
    Unfinished,
}

impl Quarantine {
    /// Returns whether everything is done that can be done without an operator.
    pub fn is_repaired(&self) -> bool {
        self.deletions_replayed_at.is_some()
            && self.grants_folded_at.is_some()
            && self.rotations_folded_at.is_some()
    }

    /// Returns whether the folds have brought back as many commits as are known to be missing, so
    /// that no token of the past can be left.
    fn is_made_good(&self) -> bool {
        let brought_back = self.grants_folded + self.rotations_folded;
        let reached = |watermark| self.commits + brought_back >= watermark;
        self.is_repaired() && self.entries_failed == 0 && self.watermark.is_some_and(reached)
    }
}

impl Vault {
    /// Returns the quarantine that began last, over or not.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn last_quarantine(&self) -> Result<Option<Quarantine>, Error> {
        let row = store::last(self.database.pool()).await?;
        Ok(row.map(Into::into))
    }

    /// Returns the quarantine that lasts.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn open_quarantine(&self) -> Result<Option<Quarantine>, Error> {
        let last = self.last_quarantine().await?;
        Ok(last.filter(|quarantine| quarantine.ended_at.is_none()))
    }

    /// Begins a quarantine unless there is one.
    pub(super) async fn begin_quarantine(
        &self,
        commits: i64,
        watermark: Option<i64>,
    ) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        let Some(id) = store::begin(&mut transaction, commits, watermark).await? else {
            return Ok(());
        };
        let event = VaultQuarantineStarted {
            quarantine_id: id.to_string(),
            commits,
            watermark,
        };
        outbox::append(&mut transaction, &event).await?;
        transaction.commit().await?;
        tracing::error!(
            commits,
            watermark,
            "PostgreSQL is older than it was, or another server: refresh tokens of the classes C \
             and D are held back. See work-api admin restore status"
        );
        Ok(())
    }

    /// Takes one part of the repair on; `None` when there is nothing to repair, or another replica
    /// is at it.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn start_repair(&self, part: Part) -> Result<Option<Repair>, Error> {
        let mut transaction = self.database.begin().await?;
        if !lock::try_repair(&mut transaction, part.as_str()).await? {
            return Ok(None);
        }
        Ok(self.open_quarantine().await?.map(|quarantine| Repair {
            quarantine,
            _lock: transaction,
        }))
    }

    /// Records that every known deletion was applied again.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn note_deletions_replayed(&self, quarantine: &Quarantine) -> Result<(), Error> {
        Ok(store::note_deletions(self.database.pool(), quarantine.id).await?)
    }

    /// Records that the whole journal was folded as far as `part` goes.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn note_folded(
        &self,
        quarantine: &Quarantine,
        part: Part,
        folding: Folding,
    ) -> Result<(), Error> {
        let pool = self.database.pool();
        let (id, Folding { folded, failed }) = (quarantine.id, folding);
        match part {
            Part::Grants => store::note_grants(pool, id, folded, failed).await?,
            Part::Rotations => store::note_rotations(pool, id, folded, failed).await?,
        }
        Ok(())
    }

    /// Ends the quarantine if nothing that is known of is missing any more. Otherwise an operator
    /// has to decide.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn end_quarantine_if_made_good(&self) -> Result<bool, Error> {
        let open = self.open_quarantine().await?;
        match open.filter(Quarantine::is_made_good) {
            Some(quarantine) => self.end_quarantine(&quarantine, "folding").await,
            None => Ok(false),
        }
    }

    /// Ends the quarantine for an operator; with `force`, although its repair is not done.
    ///
    /// # Errors
    /// Fails when the vault does.
    pub async fn release_quarantine(&self, force: bool) -> Result<Release, Error> {
        let Some(open) = self.open_quarantine().await? else {
            return Ok(Release::NotQuarantined);
        };
        if !open.is_repaired() && !force {
            return Ok(Release::Unfinished);
        }
        self.end_quarantine(&open, "operator").await?;
        let ended = self.last_quarantine().await?;
        Ok(ended.map_or(Release::NotQuarantined, Release::Released))
    }

    async fn end_quarantine(&self, open: &Quarantine, ended_by: &str) -> Result<bool, Error> {
        let mut transaction = self.database.begin().await?;
        if !store::end(&mut transaction, open.id, ended_by).await? {
            return Ok(false);
        }
        store::accept(&mut transaction, open.watermark).await?;
        let event = VaultQuarantineEnded {
            quarantine_id: open.id.to_string(),
            ended_by: ended_by.to_owned(),
        };
        outbox::append(&mut transaction, &event).await?;
        transaction.commit().await?;
        tracing::warn!(
            ended_by,
            "the quarantine has ended: refresh tokens are sent again"
        );
        Ok(true)
    }
}

impl From<QuarantineRow> for Quarantine {
    fn from(row: QuarantineRow) -> Self {
        Self {
            id: row.id,
            started_at: row.started_at,
            commits: row.commits,
            watermark: row.watermark,
            deletions_replayed_at: row.deletions_replayed_at,
            grants_folded_at: row.grants_folded_at,
            grants_folded: row.grants_folded,
            rotations_folded_at: row.rotations_folded_at,
            rotations_folded: row.rotations_folded,
            entries_failed: row.entries_failed,
            ended_at: row.ended_at,
            ended_by: row.ended_by,
        }
    }
}
