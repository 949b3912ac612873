//! Keeping an answer: in every sink that is needed, until PostgreSQL has it.

use std::convert::Infallible;
use std::future::pending;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{Entry, Seen, Sinks};
use crate::answer::SealedAnswer;
use crate::{Connected, Error, Settled};

/// How long PostgreSQL may take before its silence counts as a refusal.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the other sinks wait for PostgreSQL, where they are asked only without it.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long the journal may take longer than PostgreSQL.
const JOURNAL_PATIENCE: Duration = Duration::from_secs(2);
/// The shortest and the longest pause between two tries of one sink.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];
/// How often it is said that an answer exists only in memory.
const ALARM: Duration = Duration::from_secs(5);

/// Whether an answer goes into the journal at once, or only when PostgreSQL does not confirm.
#[derive(Debug)]
pub enum Urgency {
    /// It can't be had again: a token of class C or D, or the first answer of a grant. With it comes
    /// what is known of its place in the journal.
    AtOnce(Seen),
    /// The provider would answer once more.
    WhenNeeded,
}

/// What PostgreSQL says to an answer.
pub trait Outcome {
    /// Returns whether nobody needs the answer of another sink any more: it is stored, or nothing of
    /// it may be.
    fn is_final(&self) -> bool;
}

impl Outcome for Settled {
    fn is_final(&self) -> bool {
        *self != Self::UnknownGrant
    }
}

impl Outcome for Connected {
    fn is_final(&self) -> bool {
        true
    }
}

/// What became of an answer.
#[derive(Debug)]
pub struct Kept<T> {
    /// What PostgreSQL said; `None` when the process has to end, and another sink has the answer.
    pub stored: Option<T>,
    /// How long it took until the first sink had it.
    pub first_sink_after: Duration,
}

/// Which sinks have the answer.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    journal: bool,
    /// The journal keeps another answer, and for good.
    declined: bool,
    spill: bool,
    first_after: Option<Duration>,
}

/// An answer on its way into the sinks.
struct Keeping<'a> {
    sinks: &'a Sinks,
    entry: Entry,
    answer: &'a SealedAnswer,
    is_urgent: bool,
    since: Instant,
    held: watch::Sender<Held>,
}

impl Sinks {
    /// Keeps an answer: `commit` is repeated until PostgreSQL has taken it, and meanwhile the
    /// other sinks are written. As long as nothing else has it, nothing ends this. Once another
    /// sink has it, the end of `give_up` does, and the answer is folded later. So it is where
    /// PostgreSQL can't place the answer yet.
    ///
    /// # Errors
    /// Fails when `commit` fails for another reason than the database, or a key is missing.
    pub async fn keep<T: Outcome, Committing>(
        &self,
        answer: &SealedAnswer,
        urgency: Urgency,
        commit: impl Fn() -> Committing,
        give_up: impl Future<Output = ()>,
    ) -> Result<Kept<T>, Error>
    where
        Committing: Future<Output = Result<T, Error>>,
    {
        let (is_urgent, seen) = match urgency {
            Urgency::AtOnce(seen) => (true, seen),
            Urgency::WhenNeeded => (false, Seen::default()),
        };
        let keeping = Keeping {
            sinks: self,
            entry: Entry::seal(&self.vault.keyring, answer)?,
            answer,
            is_urgent,
            since: Instant::now(),
            held: watch::Sender::new(Held::default()),
        };
        let stored = tokio::select! {
            stored = keeping.commit(commit) => Some(stored?),
            () = keeping.leave(give_up) => None,
            never = keeping.write_elsewhere(seen) => match never {},
        };
        keeping.finish(stored).await
    }
}

impl Keeping<'_> {
    async fn commit<T: Outcome, Committing>(
        &self,
        commit: impl Fn() -> Committing,
    ) -> Result<T, Error>
    where
        Committing: Future<Output = Result<T, Error>>,
    {
        let [mut pause, longest] = PAUSES;
        let elsewhere = || self.until(|held| held.journal || held.spill);
        let stored = loop {
            // An unknown outcome is a refusal: committing again is safe.
            match timeout(COMMIT_TIMEOUT, commit()).await {
                Ok(Ok(stored)) if stored.is_final() => break stored,
                // What it lacks may be folded meanwhile; what another sink has can wait for that.
                Ok(Ok(stored)) => {
                    if timeout(pause, elsewhere()).await.is_ok() {
                        return Ok(stored);
                    }
                    pause = longest.min(pause * 2);
                    continue;
                }
                Ok(Err(Error::Database(error))) => {
                    tracing::warn!(integration.id = %self.entry.integration_id, %error, "an answer waits for the database");
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    tracing::warn!(integration.id = %self.entry.integration_id, "an answer waits for a silent database");
                }
            }
            sleep(pause).await;
            pause = longest.min(pause * 2);
        };
        self.note(|_| {});
        if self.is_urgent {
            // It is the copy with which a restored vault is brought up to date.
            let journalled = self.until(|held| held.journal || held.declined);
            if timeout(JOURNAL_PATIENCE, journalled).await.is_err() {
                tracing::warn!(integration.id = %self.entry.integration_id, "the journal did not take an answer that PostgreSQL has");
            }
        }
        Ok(stored)
    }

    /// Writes journal and spill file where they are needed, and says it when nothing takes the
    /// answer.
    async fn write_elsewhere(&self, seen: Seen) -> Infallible {
        tokio::join!(self.journal(seen), self.spill(), self.raise_alarm());
        pending().await
    }

    async fn journal(&self, mut seen: Seen) {
        if !self.is_urgent {
            sleep(PATIENCE).await;
        }
        let credential = self.entry.integration_id.as_str();
        let [mut pause, longest] = PAUSES;
        let has_it = loop {
            match self
                .put_into_journal(credential, std::mem::take(&mut seen))
                .await
            {
                Ok(has_it) => break has_it,
                Err(error) => {
                    tracing::warn!(integration.id = credential, %error, "the journal does not take an answer");
                }
            }
            sleep(pause).await;
            pause = longest.min(pause * 2);
        };
        if has_it {
            self.sinks.freshness.journal_wrote();
            self.note(|held| held.journal = true);
        } else {
            self.held.send_modify(|held| held.declined = true);
            tracing::warn!(
                integration.id = credential,
                "the journal keeps another answer, in whose place this one may not be put"
            );
        }
    }

    /// Puts the answer into the journal, unless a newer one is there: a process that stood still
    /// must not write over what another one has got meanwhile. Nor may a new grant that may yet be
    /// refused write over the one that would stand. Returns whether nothing of the answer can be lost
    /// any more: it is there, or a later generation of its grant is.
    async fn put_into_journal(&self, credential: &str, mut seen: Seen) -> Result<bool, Error> {
        let bytes = self.entry.to_bytes()?;
        let journal = &self.sinks.journal;
        loop {
            let there = match std::mem::take(&mut seen) {
                Seen::Unknown => journal.last(credential).await?,
                Seen::Nothing => None,
                Seen::Message(message) => Some(message),
            };
            let replaced = match there {
                None => 0,
                Some(kept) => {
                    let entry = Entry::from_bytes(&kept.message)?;
                    let (there, ours) = (entry.named(), self.entry.named());
                    if !ours.may_replace(&there) || self.may_be_refused_for(entry)? {
                        let is_later = there.generation > ours.generation;
                        return Ok(there.grant_id == ours.grant_id && is_later);
                    }
                    kept.number
                }
            };
            if journal.put(credential, bytes.clone(), replaced).await? {
                return Ok(true);
            }
        }
    }

    /// Returns whether an entry is of another grant, with a refresh token, and that grant would stand if
    /// the answer is refused: because it is of another account, or has no refresh token of its own.
    fn may_be_refused_for(&self, there: Entry) -> Result<bool, Error> {
        if there.grant_id == self.answer.grant_id {
            return Ok(false);
        }
        let there = there.open(&self.sinks.vault.keyring)?;
        let is_whole = self.answer.pair.refresh.is_some();
        let is_same_account = there.grant.provider_subject == self.answer.grant.provider_subject;
        Ok(there.pair.refresh.is_some() && !(is_whole && is_same_account))
    }

    async fn spill(&self) {
        let Some(spill) = &self.sinks.spill else {
            return;
        };
        let wait = if self.is_urgent {
            PATIENCE
        } else {
            PATIENCE * 2
        };
        if timeout(wait, self.until(|held| held.first_after.is_some()))
            .await
            .is_ok()
        {
            return;
        }
        let [_, pause] = PAUSES;
        while let Err(error) = spill.put(&self.entry).await {
            tracing::error!(integration.id = %self.entry.integration_id, %error, "the spill directory does not take an answer");
            sleep(pause).await;
        }
        self.sinks.freshness.spill_wrote();
        self.note(|held| held.spill = true);
    }

    async fn raise_alarm(&self) {
        while timeout(ALARM, self.until(|held| held.first_after.is_some()))
            .await
            .is_err()
        {
            tracing::error!(
                integration.id = %self.entry.integration_id,
                seconds = self.since.elapsed().as_secs(),
                "a provider's answer exists only in the memory of this process: bring PostgreSQL or \
                 NATS back, and do not stop it"
            );
        }
    }

    /// Resolves when `give_up` has, and the answer is elsewhere.
    async fn leave(&self, give_up: impl Future<Output = ()>) {
        give_up.await;
        self.until(|held| held.journal || held.spill).await;
    }

    async fn until(&self, is_so: impl Fn(&Held) -> bool) {
        // The sender lives as long as this, so that the wait can't fail.
        let _ = self.held.subscribe().wait_for(|held| is_so(held)).await;
    }

    fn note(&self, change: impl FnOnce(&mut Held)) {
        self.held.send_modify(|held| {
            held.first_after.get_or_insert(self.since.elapsed());
            change(held);
        });
    }

    async fn finish<T: Outcome>(self, stored: Option<T>) -> Result<Kept<T>, Error> {
        let held = *self.held.borrow();
        let is_final = stored.as_ref().is_some_and(Outcome::is_final);
        if let (Some(spill), true, true) = (&self.sinks.spill, held.spill, is_final) {
            // A file that stays is folded at the next start, which changes nothing.
            if let Err(error) = spill.remove(&self.entry).await {
                tracing::warn!(%error, "a spill file that is not needed any more stays");
            }
        }
        Ok(Kept {
            stored,
            first_sink_after: held.first_after.unwrap_or_default(),
        })
    }
}
