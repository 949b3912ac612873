//! Dead letters, and what became of the credentials that they are about.

use std::collections::HashMap;

use time::OffsetDateTime;
use workapi_bus::DeadLetter;
use workapi_errors::Error as Refusal;
use workapi_proto::jobs::v1::CredentialJob;
use workapi_types::IntegrationId;
use workapi_vault::{JobState, State, StuckCredential};

use crate::app::page::{cut, page_size};
use crate::app::{App, Error};

/// How many dead letters are read at once where all of them are looked through.
const STRIDE: usize = 256;

/// A dead letter with what became of its credential.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) sequence: u64,
    pub(crate) kind: String,
    /// The job; `None` when it can't be read.
    pub(crate) job: Option<CredentialJob>,
    pub(crate) provider: String,
    pub(crate) buried_at: OffsetDateTime,
    /// How many jobs began and never ended; `None` when that is not known any more.
    pub(crate) tries: Option<i32>,
    /// What the credential is now; `None` when there is none.
    pub(crate) state: Option<State>,
}

/// A page of dead letters.
#[derive(Debug)]
pub(crate) struct LetterPage {
    pub(crate) letters: Vec<Letter>,
    /// After which sequence the next page begins, if there is one.
    pub(crate) next: Option<u64>,
}

impl App {
    /// Lists dead letters, the oldest first.
    pub(crate) async fn dead_letters(
        &self,
        after: u64,
        asked_size: i32,
    ) -> Result<LetterPage, Error> {
        let size = page_size(asked_size)?;
        let found = self.bus.dead_letters(after, size + 1).await?;
        let (found, more) = cut(found, size);
        let last = found.last().filter(|_| more);
        let next = last.map(|last| last.sequence);
        let letters = self.with_states(found).await?;
        Ok(LetterPage { letters, next })
    }

    /// Lists what is stuck, and says whether there is more.
    pub(crate) async fn stuck_credentials(
        &self,
        asked_size: i32,
    ) -> Result<(Vec<StuckCredential>, bool), Error> {
        let size = page_size(asked_size)?;
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        Ok(cut(self.vault().stuck(limit).await?, size))
    }

    /// Returns one dead letter.
    pub(super) async fn letter(&self, sequence: u64) -> Result<Letter, Error> {
        let found = self.bus.dead_letter(sequence).await?;
        let found = found.ok_or_else(|| no_such_letter(sequence))?;
        let mut letters = self.with_states(vec![found]).await?;
        Ok(letters.pop().ok_or_else(|| no_such_letter(sequence))?)
    }

    /// Returns every dead letter about an integration. They carry no index, and are few.
    pub(super) async fn letters_of(&self, id: &IntegrationId) -> Result<Vec<Letter>, Error> {
        let mut after = 0;
        let mut found = Vec::new();
        loop {
            let stride = self.bus.dead_letters(after, STRIDE).await?;
            let Some(last) = stride.last() else {
                return self.with_states(found).await;
            };
            after = last.sequence;
            let is_about = |letter: &DeadLetter| integration_of(letter).as_ref() == Some(id);
            found.extend(stride.into_iter().filter(is_about));
        }
    }

    async fn with_states(&self, letters: Vec<DeadLetter>) -> Result<Vec<Letter>, Error> {
        let ids: Vec<_> = letters.iter().filter_map(integration_of).collect();
        let states = self.vault().job_states(&ids).await?;
        let states: HashMap<_, _> = states
            .into_iter()
            .map(|state| (state.integration_id.to_string(), state))
            .collect();
        let with_state = |letter| Letter::new(letter, &states);
        Ok(letters.into_iter().map(with_state).collect())
    }
}

impl Letter {
    fn new(letter: DeadLetter, states: &HashMap<String, JobState>) -> Self {
        let job: Option<CredentialJob> = letter.decode().ok();
        let state = job.as_ref().and_then(|job| states.get(&job.integration_id));
        // Of another grant, or of a credential that was repaired since, the count says nothing.
        let counted = state.filter(|state| {
            let grant_id = job.as_ref().map(|job| job.grant_id.as_str());
            state.unfinished_jobs > 0 && grant_id == Some(&state.grant_id.to_string())
        });
        Self {
            sequence: letter.sequence,
            provider: letter
                .subject
                .rsplit('.')
                .next()
                .unwrap_or_default()
                .to_owned(),
            buried_at: letter.buried_at,
            tries: counted.map(|state| state.unfinished_jobs),
            state: state.map(|state| state.state),
            kind: letter.kind,
            job,
        }
    }

    /// Returns the integration that it is about, if it can be read.
    pub(super) fn integration_id(&self) -> Option<IntegrationId> {
        self.job.as_ref()?.integration_id.parse().ok()
    }
}

/// Says that there is no such dead letter.
pub(super) fn no_such_letter(sequence: u64) -> Refusal {
    Refusal::not_found(format!("no dead letter {sequence}"))
}

fn integration_of(letter: &DeadLetter) -> Option<IntegrationId> {
    let job: CredentialJob = letter.decode().ok()?;
    job.integration_id.parse().ok()
}
