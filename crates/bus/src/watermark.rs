//! The watermark: the greatest count of commits that PostgreSQL is known to have had (refresh
//! protocol, section 11). It stands in the journal, which is not restored together with
//! PostgreSQL.

use crate::{Error, Journal, Replay, Stream};

/// The last part of the watermark's subject. No credential is named so.
const WATERMARK: &str = "watermark";

impl Journal {
    /// Keeps the count of commits that PostgreSQL has.
    ///
    /// # Errors
    /// Fails when JetStream does not confirm within 3 seconds.
    pub async fn put_watermark(&self, count: i64) -> Result<(), Error> {
        self.write(WATERMARK, count.to_string().into_bytes()).await
    }

    /// Returns the count of commits that was kept last; `None` when none was.
    ///
    /// # Errors
    /// Fails when the stream's leader does not answer, or what is kept is no number.
    pub async fn watermark(&self) -> Result<Option<i64>, Error> {
        let Some(kept) = self.last(WATERMARK).await? else {
            return Ok(None);
        };
        let count = std::str::from_utf8(&kept.message)
            .ok()
            .and_then(|text| text.parse().ok());
        count.map(Some).ok_or(Error::Watermark)
    }

    /// Begins to read everything that the journal keeps: answers, and messages without content
    /// or under names that no credential has, which are to be passed over.
    ///
    /// # Errors
    /// Fails when the server does not make a reader.
    pub async fn replay(&self) -> Result<Replay, Error> {
        self.bus().replay(Stream::VaultJournal, "journal.>").await
    }
}
