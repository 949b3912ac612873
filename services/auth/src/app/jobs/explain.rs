//! Everything that an operator needs to know about one credential and its jobs.

use workapi_errors::Error as Refusal;
use workapi_vault::Inspection;

use super::advice::{advice, next_steps};
use super::{JobTarget, Letter};
use crate::app::{App, Error};

/// What is known about a credential and its jobs.
#[derive(Debug)]
pub(crate) struct Explanation {
    /// The credential, if there is one.
    pub(crate) inspection: Option<Inspection>,
    /// Its dead letters, or the one that was asked for.
    pub(crate) letters: Vec<Letter>,
    /// What happens next by itself, a sentence each.
    pub(crate) next: Vec<String>,
    /// What the operator can do, a sentence each.
    pub(crate) advice: Vec<String>,
}

impl App {
    /// Tells everything about one credential and its jobs.
    pub(crate) async fn explain_job(&self, target: JobTarget) -> Result<Explanation, Error> {
        let (id, letters) = match target {
            JobTarget::Integration(id) => {
                let letters = self.letters_of(&id).await?;
                (Some(id), letters)
            }
            JobTarget::DeadLetter(sequence) => {
                let letter = self.letter(sequence).await?;
                (letter.integration_id(), vec![letter])
            }
        };
        let inspection = match &id {
            Some(id) => self.vault().inspect(id).await?,
            None => None,
        };
        if let Some(id) = id.filter(|_| inspection.is_none() && letters.is_empty()) {
            let refusal = format!("no credential and no dead letter of {id}");
            return Err(Refusal::not_found(refusal).into());
        }
        Ok(Explanation {
            next: next_steps(inspection.as_ref()),
            advice: advice(inspection.as_ref(), &letters),
            inspection,
            letters,
        })
    }
}
