//! The third sink: a directory of fsynced files, of one process alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::Entry;
use crate::Error;

const LOCK: &str = "lock";
const PROBE: &str = "probe";
const EXTENSION: &str = "entry";

/// A spill directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// Reading or writing failed.
    #[error("failed to use the spill directory {}", path.display())]
    Io {
        /// The directory, or the file in it.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A file holds no entry that this program can read. It may be the only copy of an answer.
    #[error(
        "{} can't be read; move it away only if the integration that its name begins with may be \
         connected again",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// Another process has it.
    #[error(
        "the spill directory {} belongs to another running process; give each its own",
        path.display()
    )]
    Taken {
        /// The directory.
        path: PathBuf,
    },
}

/// A directory with a file for each answer that no other sink took. Clones share it.
///
/// It belongs to one process, which holds a lock on it, and which stores its files in the vault
/// again before it takes any work.
#[derive(Clone, Debug)]
pub struct Spill {
    directory: Arc<PathBuf>,
    /// Held for as long as the process lives.
    _lock: Arc<File>,
}

impl Spill {
    /// Takes possession of a directory, and makes it where there is none.
    ///
    /// # Errors
    /// Fails when it can't be written, or another process has it.
    pub fn open(directory: &Path) -> Result<Self, SpillError> {
        let failed = |source| SpillError::Io {
            path: directory.to_owned(),
            source,
        };
        fs::create_dir_all(directory).map_err(failed)?;
        let lock = private().open(directory.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                directory: Arc::new(directory.to_owned()),
                _lock: Arc::new(lock),
            }),
            Err(fs::TryLockError::WouldBlock) => Err(SpillError::Taken {
                path: directory.to_owned(),
            }),
            Err(fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Keeps an entry. When this returns, it is on the disk.
    pub(crate) async fn put(&self, entry: &Entry) -> Result<(), Error> {
        let bytes = entry.to_bytes()?;
        self.write(self.file_of(entry), bytes).await
    }

    /// Writes a file that nobody reads, to see that the disk takes writes.
    pub(crate) async fn probe(&self) -> Result<(), Error> {
        self.write(self.directory.join(PROBE), Vec::new()).await
    }

    /// Forgets an entry that is stored elsewhere.
    pub(crate) async fn remove(&self, entry: &Entry) -> Result<(), Error> {
        let file = self.file_of(entry);
        let removed = spawn_blocking(move || {
            let removed = match fs::remove_file(&file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            };
            removed.map_err(|source| SpillError::Io { path: file, source })
        });
        Ok(removed.await??)
    }

    /// Returns every entry that is kept.
    pub(crate) async fn entries(&self) -> Result<Vec<Entry>, Error> {
        let directory = Arc::clone(&self.directory);
        spawn_blocking(move || read_all(&directory)).await?
    }

    async fn write(&self, file: PathBuf, bytes: Vec<u8>) -> Result<(), Error> {
        let directory = Arc::clone(&self.directory);
        let written = spawn_blocking(move || {
            replace(&directory, &file, &bytes)
                .map_err(|source| SpillError::Io { path: file, source })
        });
        Ok(written.await??)
    }

    /// A file for each generation: an older answer may not be stored yet.
    fn file_of(&self, entry: &Entry) -> PathBuf {
        let Entry {
            integration_id,
            grant_id,
            generation,
            ..
        } = entry;
        let name = format!("{integration_id}.{grant_id}.{generation}.{EXTENSION}");
        self.directory.join(name)
    }
}

/// Writes a file as a whole or not at all.
fn replace(directory: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = file.with_extension("unfinished");
    let mut writing = private().truncate(true).open(&unfinished)?;
    writing.write_all(bytes)?;
    writing.sync_all()?;
    fs::rename(&unfinished, file)?;
    File::open(directory)?.sync_all()
}

fn read_all(directory: &Path) -> Result<Vec<Entry>, Error> {
    let failed = |source| SpillError::Io {
        path: directory.to_owned(),
        source,
    };
    let mut entries = Vec::new();
    for file in fs::read_dir(directory).map_err(failed)? {
        let path = file.map_err(failed)?.path();
        if path.extension().is_some_and(|found| found == EXTENSION) {
            let bytes = fs::read(&path).map_err(failed)?;
            let entry = Entry::from_bytes(&bytes);
            entries.push(entry.map_err(|_| SpillError::Unreadable { path })?);
        }
    }
    Ok(entries)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true).mode(0o600);
    options
}
