//! Trying again, and dropping dead letters.

use workapi_errors::Error as Refusal;
use workapi_types::IntegrationId;
use workapi_vault::{Retry, State};

use super::JobTarget;
use super::letters::{Letter, no_such_letter};
use crate::app::{App, Error};

/// A credential that is due now.
#[derive(Debug)]
pub(crate) struct Retried {
    pub(crate) integration_id: IntegrationId,
    pub(crate) state: State,
    /// How many dead letters were removed.
    pub(crate) letters: usize,
}

/// Dead letters that were removed.
#[derive(Debug)]
pub(crate) struct Dropped {
    /// How many.
    pub(crate) letters: usize,
    /// What they were about, where that could be read.
    pub(crate) integration_id: Option<IntegrationId>,
    /// What their credential is, unchanged.
    pub(crate) state: Option<State>,
}

impl App {
    /// Makes a credential due at once and removes its dead letters. Doing it again is safe, and
    /// needed where the letters could not be removed.
    pub(crate) async fn retry_job(&self, target: JobTarget) -> Result<Retried, Error> {
        let integration_id = match target {
            JobTarget::Integration(id) => id,
            JobTarget::DeadLetter(sequence) => {
                let letter = self.letter(sequence).await?;
                letter.integration_id().ok_or_else(|| {
                    Refusal::conflict("the dead letter can't be read; it can only be dropped")
                })?
            }
        };
        let state = due(self.vault().retry(&integration_id).await?, &integration_id)?;
        tracing::info!(integration.id = %integration_id, %state, "an operator has a credential tried again");
        let letters = self.letters_of(&integration_id).await?;
        Ok(Retried {
            letters: self.remove(&letters).await?,
            integration_id,
            state,
        })
    }

    /// Removes dead letters and nothing else.
    pub(crate) async fn drop_dead_letters(&self, target: JobTarget) -> Result<Dropped, Error> {
        let letters = match target {
            JobTarget::DeadLetter(sequence) => vec![self.letter(sequence).await?],
            JobTarget::Integration(id) => {
                let letters = self.letters_of(&id).await?;
                if letters.is_empty() {
                    let refusal = format!("no dead letter about {id}");
                    return Err(Refusal::not_found(refusal).into());
                }
                letters
            }
        };
        let removed = self.remove(&letters).await?;
        let first = letters.first().filter(|_| removed > 0);
        let first = first.ok_or_else(|| no_such_letter(letters[0].sequence))?;
        Ok(Dropped {
            letters: removed,
            integration_id: first.integration_id(),
            state: first.state,
        })
    }

    /// Removes dead letters and returns how many there still were.
    async fn remove(&self, letters: &[Letter]) -> Result<usize, Error> {
        let mut removed = 0;
        for letter in letters {
            removed += usize::from(self.bus.remove_dead_letter(letter.sequence).await?);
        }
        Ok(removed)
    }
}

fn due(retry: Retry, id: &IntegrationId) -> Result<State, Refusal> {
    match retry {
        Retry::Due(state) => Ok(state),
        Retry::NeedsReconnect => Err(Refusal::conflict(format!(
            "only its user can bring {id} back, by connecting the account again"
        ))),
        Retry::NoRefreshToken => Err(Refusal::conflict(format!(
            "the provider gave no refresh token for {id}; its user has to connect the account again"
        ))),
        Retry::Revoked => Err(Refusal::conflict(format!(
            "{id} is deleted and its tokens are shredded; there is nothing to try again"
        ))),
        Retry::Missing => Err(Refusal::not_found(format!("no credential of {id}"))),
    }
}
