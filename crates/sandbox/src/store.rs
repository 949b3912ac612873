//! The ledger behind its lock, and the file that outlives the process.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ledger::Ledger;
use crate::signing::SigningKey;

/// The format of the state file.
const FORMAT: u32 = 1;

/// Holds the ledger; a change returns when it is as durable as it will get.
pub(crate) struct Store {
    versioned: Arc<Mutex<Versioned>>,
    file: Option<Arc<StateFile>>,
}

struct Versioned {
    ledger: Ledger,
    /// Counts the changes, so that the file knows what it already has.
    revision: u64,
}

impl Store {
    /// Holds a ledger, in memory only or with a file.
    pub(crate) fn new(ledger: Ledger, file: Option<StateFile>) -> Self {
        let revision = 0;
        Self {
            versioned: Arc::new(Mutex::new(Versioned { ledger, revision })),
            file: file.map(Arc::new),
        }
    }

    /// Looks at the ledger.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&Ledger) -> R) -> R {
        look(&lock(&self.versioned).ledger)
    }

    /// Changes the ledger, and returns once the file has the change.
    pub(crate) async fn change<R>(
        &self,
        change: impl FnOnce(&mut Ledger) -> R,
    ) -> Result<R, Error> {
        let (result, revision) = {
            let mut versioned = lock(&self.versioned);
            versioned.revision += 1;
            (change(&mut versioned.ledger), versioned.revision)
        };
        if let Some(file) = &self.file {
            let file = Arc::clone(file);
            let versioned = Arc::clone(&self.versioned);
            tokio::task::spawn_blocking(move || file.write(&versioned, revision)).await??;
        }
        Ok(result)
    }
}

/// A panic while the lock was held leaves counters at worst one short.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the state file holds; `L` is the ledger, owned or borrowed.
#[derive(Serialize, Deserialize)]
struct Saved<L> {
    format: u32,
    signing_key: String,
    ledger: L,
}

/// The file in which the state is kept.
pub(crate) struct StateFile {
    path: PathBuf,
    signing_key: String,
    /// The newest revision that the file has.
    written: Mutex<u64>,
}

impl StateFile {
    /// Prepares to write to this path.
    pub(crate) fn new(path: PathBuf, signing_key: &SigningKey) -> Self {
        Self {
            path,
            signing_key: signing_key.to_base64(),
            written: Mutex::new(0),
        }
    }

    /// Reads what an earlier process left; `None` when there is no file.
    pub(crate) fn load(path: &Path) -> Result<Option<(Ledger, SigningKey)>, Error> {
        let json = match fs::read(path) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                let path = path.to_owned();
                return Err(Error::ReadState { path, source });
            }
        };
        let saved: Saved<serde_json::Value> = parsed(path, serde_json::from_slice(&json))?;
        if saved.format != FORMAT {
            return Err(Error::StateFormat {
                path: path.to_owned(),
                found: saved.format,
                expected: FORMAT,
            });
        }
        let ledger = parsed(path, serde_json::from_value(saved.ledger))?;
        Ok(Some((ledger, SigningKey::from_base64(&saved.signing_key)?)))
    }

    /// Brings the file to `revision` or newer. Whoever waited for the file
    /// while another wrote it mostly finds its own change already there.
    fn write(&self, versioned: &Mutex<Versioned>, revision: u64) -> Result<(), Error> {
        let mut written = lock(&self.written);
        if *written >= revision {
            return Ok(());
        }
        let (json, newest) = {
            let versioned = lock(versioned);
            let saved = Saved {
                format: FORMAT,
                signing_key: self.signing_key.clone(),
                ledger: &versioned.ledger,
            };
            let json = parsed(&self.path, serde_json::to_vec(&saved))?;
            (json, versioned.revision)
        };
        replace(&self.path, &json).map_err(|source| {
            let path = self.path.clone();
            Error::WriteState { path, source }
        })?;
        *written = newest;
        Ok(())
    }
}

fn parsed<T>(path: &Path, result: serde_json::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error::ParseState {
        path: path.to_owned(),
        source,
    })
}

/// Replaces the file in one step: a reader finds the old or the new content.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}
