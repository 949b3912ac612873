//! The directory in which one running instance keeps everything, and the lock
//! that keeps a second instance out of it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use tempfile::NamedTempFile;

const LOCK: &str = "lock";
const LOGS: &str = "logs";

/// A data directory that this process alone uses, for as long as the value lives.
///
/// The kernel gives the lock up when the process ends, in whatever way.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "{path} is in use by the work-api with process id {holder}: stop it, or choose another --data-dir"
    )]
    InUse { path: PathBuf, holder: String },
    #[error("{path} belongs to another user (id {owner}): start work-api as that user")]
    Foreign { path: PathBuf, owner: u32 },
    #[error("cannot use {path} as the data directory")]
    Unusable { path: PathBuf, source: io::Error },
}

impl DataDir {
    /// Creates `path` if it is missing, readable by its owner only, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let unusable = |source| Error::Unusable {
            path: path.into(),
            source,
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(path).map_err(unusable)?;
        // The servers run in another directory, so every path has to be absolute.
        let path = fs::canonicalize(path).map_err(unusable)?;
        let lock = lock(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// Returns the absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins the log of the program `name`, keeps the one of the run before, and returns where it
    /// is.
    pub(crate) fn begin_log(&self, name: &str) -> io::Result<PathBuf> {
        let logs = self.folder(LOGS)?;
        let log = logs.join(format!("{name}.log"));
        // There is none at the first start.
        let _ = fs::rename(&log, logs.join(format!("{name}.log.1")));
        Ok(log)
    }

    /// Returns the sub-directory `name`, made if it is missing.
    pub(crate) fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.path.join(name);
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&folder)?;
        Ok(folder)
    }
}

/// Replaces the file at `path`, readable by its owner only, in one step.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}

fn lock(path: &Path) -> Result<File, Error> {
    let unusable = |source| Error::Unusable {
        path: path.into(),
        source,
    };
    let file = path.join(LOCK);
    let mut lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&file)
        .map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::InUse {
                path: path.into(),
                holder: fs::read_to_string(&file).unwrap_or_default(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
    }
    // Root may open it too, but what root then makes here nobody else could use again.
    let owner = lock.metadata().map_err(unusable)?.uid();
    if owner != geteuid().as_raw() {
        let path = path.into();
        return Err(Error::Foreign { path, owner });
    }
    lock.set_len(0).map_err(unusable)?;
    write!(lock, "{}", std::process::id()).map_err(unusable)?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_user_of_a_data_directory_is_refused_until_the_first_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::open(folder.path()).unwrap();

        let refused = DataDir::open(folder.path()).unwrap_err();
        drop(first);
        let second = DataDir::open(folder.path());

        let holder = format!("process id {}", std::process::id());
        assert!(refused.to_string().contains(&holder), "{refused}");
        assert!(second.is_ok());
    }
}
