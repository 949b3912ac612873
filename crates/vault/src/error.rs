//! What can go wrong in the vault.

/// A failure of the vault. A refusal that the protocol foresees is a value, not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A statement failed.
    #[error("failed to query the vault database")]
    Database(#[from] sqlx::Error),
    /// A secret could not be sealed or opened.
    #[error("failed to seal or open a secret")]
    KeyRing(#[from] workapi_keyring::Error),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] workapi_bus::Error),
    /// The journal did not answer at once, and nothing was known of it.
    #[error("the journal does not answer")]
    SlowJournal,
    /// The spill directory failed.
    #[error(transparent)]
    Spill(#[from] crate::SpillError),
    /// Work on a file was cut short by the end of the process.
    #[error("failed to wait for a file")]
    Interrupted(#[from] tokio::task::JoinError),
    /// A row holds something that no version of this program writes.
    #[error("the vault holds an invalid {0}")]
    Corrupt(&'static str),
}

impl Error {
    /// Returns whether database or journal are away, so that the same call may succeed later.
    pub fn is_passing(&self) -> bool {
        self.is_unavailable() || matches!(self, Self::Journal(_) | Self::SlowJournal)
    }

    /// Returns whether the database is away, so that the same call may succeed later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Database(error) if workapi_postgres::is_unavailable(error))
    }
}
