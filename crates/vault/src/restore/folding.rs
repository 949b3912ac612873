//! Folding the whole journal: storing every answer that the restored vault lacks.

use std::collections::HashMap;

use uuid::Uuid;
use workapi_bus::Delivery;
use workapi_types::IntegrationId;

use crate::journal::{Entry, Folded};
use crate::store::restore as store;
use crate::{Connected, Error, Sinks};

/// How many messages of the journal are compared with the vault at once.
const PAGE: usize = 500;

/// What a program's role may store of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Later generations of grants that the vault has.
    Rotations,
    /// Grants that the vault lacks, or of which it has an older one.
    Grants,
}

impl Part {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Rotations => "rotations",
            Self::Grants => "grants",
        }
    }
}

/// What came of folding the whole journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folding {
    /// Answers that only the journal had.
    pub folded: i64,
    /// Entries that could not be read or stored.
    pub failed: i64,
}

impl Sinks {
    /// Stores everything that the journal has and the vault lacks, as far as `part` goes. Doing
    /// so again changes nothing.
    ///
    /// # Errors
    /// Fails when journal or vault are away; begin anew then.
    pub async fn fold_journal(&self, part: Part) -> Result<Folding, Error> {
        let mut replay = self.journal().replay().await?;
        let mut folding = Folding::default();
        loop {
            let page = replay.page(PAGE).await?;
            if page.is_empty() {
                return Ok(folding);
            }
            let entries = folding.read(&page);
            for entry in self.lacking(entries, part).await? {
                let integration_id = entry.integration_id.clone();
                match self.fold_into(entry, part).await {
                    Ok(folded) => folding.folded += i64::from(folded),
                    Err(error) if error.is_passing() => return Err(error),
                    Err(error) => folding.fail(integration_id.as_str(), &error),
                }
            }
        }
    }

    /// Returns the entries that are newer than what is stored, and of this part.
    async fn lacking(&self, entries: Vec<Entry>, part: Part) -> Result<Vec<Entry>, Error> {
        let ids: Vec<IntegrationId> = entries
            .iter()
            .map(|entry| entry.integration_id.clone())
            .collect();
        let rows = store::positions(self.vault().database().pool(), &ids).await?;
        let stored: HashMap<String, (Uuid, i64)> = rows
            .into_iter()
            .map(|row| (row.integration_id, (row.grant_id, row.generation)))
            .collect();
        let is_lacking = |entry: &Entry| {
            let grant_id = entry.grant_id.as_uuid();
            match stored.get(entry.integration_id.as_str()) {
                Some((stored, generation)) if *stored == grant_id => {
                    part == Part::Rotations && *generation < entry.generation
                }
                Some((stored, _)) => part == Part::Grants && *stored < grant_id,
                None => part == Part::Grants,
            }
        };
        Ok(entries.into_iter().filter(is_lacking).collect())
    }

    /// Stores an entry, and returns whether a credential is newer for it.
    async fn fold_into(&self, entry: Entry, part: Part) -> Result<bool, Error> {
        match part {
            Part::Rotations => Ok(self.vault().fold(entry).await? == Folded::Settled),
            Part::Grants => {
                let integration_id = entry.integration_id.clone();
                let connected = self.vault().fold_grant(entry).await?;
                tracing::info!(integration.id = %integration_id, ?connected, "a grant was found in the journal");
                Ok(connected == Connected::Stored)
            }
        }
    }
}

impl Folding {
    /// Reads the entries of a page. A message without content only showed that writes are taken.
    fn read(&mut self, page: &[Delivery]) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(page.len());
        for message in page {
            let Some(name) = integration_of(message) else {
                continue;
            };
            match Entry::from_bytes(&message.payload) {
                Ok(entry) => entries.push(entry),
                Err(error) => self.fail(name, &error),
            }
        }
        entries
    }

    fn fail(&mut self, integration: &str, error: &Error) {
        self.failed += 1;
        tracing::error!(integration.id = integration, %error, "an entry of the journal can't be folded");
    }
}

/// Returns the integration whose answer a message of the journal is. There are others: the
/// watermark, and probes.
fn integration_of(message: &Delivery) -> Option<&str> {
    let name = message.subject.strip_prefix("journal.")?;
    name.parse::<IntegrationId>().ok().map(|_| name)
}
